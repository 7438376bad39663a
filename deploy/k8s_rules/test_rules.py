"""Each rule must find the mistake that it is there for: the rendered manifests with one thing spoilt."""

import copy
import os
import unittest
from pathlib import Path
from typing import Callable

from .__main__ import findings
from .model import load
from .pods import quantity

HERE = Path(__file__).resolve().parent
README = (HERE / "../../k8s/README.md").read_text()
CONTAINERFILE = (HERE / "../Containerfile").read_text()

Mistake = Callable[[dict], None]


def pod(manifest: dict) -> dict:
    return manifest["spec"]["template"]["spec"]


def box(manifest: dict) -> dict:
    return pod(manifest)["containers"][0]


def secured(manifest: dict) -> dict:
    return box(manifest)["securityContext"]


def blocks(manifest: dict) -> list[dict]:
    return [peer["ipBlock"] for peer in manifest["spec"]["egress"][0]["to"]]


# What is spoilt, how, and what must be said of it.
MISTAKES: list[tuple[str, Mistake, str]] = [
    ("Deployment/gateway", lambda m: pod(m).update(hostNetwork=True), "hostNetwork is set"),
    ("Deployment/gateway", lambda m: pod(m)["securityContext"].pop("runAsNonRoot"), "runAsNonRoot is not true"),
    ("Deployment/gateway", lambda m: pod(m)["securityContext"].update(runAsUser=0), "runAsUser"),
    ("Job/provision", lambda m: pod(m)["securityContext"].pop("seccompProfile"), "seccompProfile"),
    ("StatefulSet/nats", lambda m: pod(m).pop("automountServiceAccountToken"), "automountServiceAccountToken"),
    ("Deployment/simulator", lambda m: pod(m).pop("enableServiceLinks"), "enableServiceLinks"),
    ("Deployment/notifier", lambda m: pod(m).pop("serviceAccountName"), "serviceAccountName"),
    ("Deployment/notifier", lambda m: pod(m)["volumes"].append({"name": "h", "hostPath": {}}), "hostPath"),
    ("Deployment/notifier", lambda m: pod(m)["volumes"][0].update(emptyDir={}), "no sizeLimit"),
    ("Deployment/historian", lambda m: m["spec"]["template"]["metadata"].update(labels={}), "selector does not match"),
    ("Deployment/historian", lambda m: secured(m).update(allowPrivilegeEscalation=True), "allowPrivilegeEscalation"),
    ("Deployment/historian", lambda m: secured(m).pop("readOnlyRootFilesystem"), "readOnlyRootFilesystem"),
    ("Deployment/historian", lambda m: secured(m).update(privileged=True), "privileged"),
    ("Deployment/historian", lambda m: secured(m).update(runAsUser=0), "runs as root"),
    ("Deployment/historian", lambda m: secured(m)["capabilities"].update(add=["NET_ADMIN"]), "capabilities"),
    ("Deployment/gateway", lambda m: box(m)["ports"][0].update(hostPort=80), "hostPort"),
    ("Deployment/gateway", lambda m: box(m).update(image="darkroom:latest"), "no fixed tag"),
    ("Deployment/gateway", lambda m: box(m).update(image="localhost:5000/darkroom"), "no fixed tag"),
    ("Deployment/gateway", lambda m: box(m).update(imagePullPolicy="Always"), "imagePullPolicy"),
    ("Deployment/gateway", lambda m: box(m)["resources"]["limits"].pop("memory"), "memory lacks"),
    ("Deployment/gateway", lambda m: box(m)["resources"]["requests"].update(memory="1Gi"), "more than its limit"),
    ("Deployment/uploader", lambda m: box(m).pop("readinessProbe"), "readinessProbe is missing"),
    ("Deployment/uploader", lambda m: box(m)["livenessProbe"]["httpGet"].update(port="op"), "asks port op"),
    ("Deployment/uploader", lambda m: box(m)["volumeMounts"][0].update(name="dta"), "has no volume"),
    ("Deployment/uploader", lambda m: box(m)["volumeMounts"][0].update(mountPath="/tmp"), "share a mountPath"),
    ("Deployment/uploader", lambda m: box(m).update(command=["/usr/local/bin/upload"]), "not a binary"),
    ("Namespace/darkroom", lambda m: m["metadata"].pop("labels"), "does not enforce"),
    ("Service/gateway", lambda m: m["metadata"].update(namespace="default"), "is not in namespace"),
    ("ServiceAccount/gateway", lambda m: m["metadata"].update(name="gate"), "ServiceAccount gateway does not exist"),
    ("PersistentVolumeClaim/darkroom-data", lambda m: m["metadata"].update(name="data"), "does not exist"),
    ("ConfigMap/nats-client", lambda m: m["metadata"].update(name="nats-clients"), "nobody uses it"),
    ("Job/provision", lambda m: box(m)["envFrom"][0]["configMapRef"].update(name="a-gd4m7kkd28"), "generated name"),
    ("ConfigMap/nats-client", lambda m: m["data"].update(DARKROOM_NATS_URI="x"), "NATS_URI is not documented"),
    ("ConfigMap/nats-client", lambda m: m["data"].update(DARKROOM_LISTEN="x"), "DARKROOM_LISTEN is set twice"),
    ("Deployment/gateway", lambda m: pod(m)["volumes"][-1]["secret"].update(secretName="gone"), "Secret gone"),
    ("Deployment/gateway", lambda m: box(m)["env"][-1].update(value="/etc/key"), "no Secret puts a file at /etc/key"),
    ("Service/gateway", lambda m: m["spec"]["selector"].clear(), "selects 9 workloads"),
    ("Service/gateway", lambda m: m["spec"]["ports"][0].update(targetPort="web"), "targetPort web"),
    ("Service/nats-headless", lambda m: m["spec"].pop("clusterIP"), "no headless Service"),
    ("NetworkPolicy/default-deny", lambda m: m["spec"].update(policyTypes=["Ingress"]), "by default"),
    ("NetworkPolicy/gateway", lambda m: m["spec"]["podSelector"]["matchLabels"].clear(), "no container port of"),
    ("NetworkPolicy/gateway", lambda m: m["spec"].update(policyTypes=["Egress"]), "without policyType Ingress"),
    ("NetworkPolicy/nats", lambda m: m["spec"]["podSelector"].update(matchLabels={"a": "b"}), "matches no pod"),
    ("NetworkPolicy/nats", lambda m: m["spec"]["ingress"][0]["ports"][0].update(port=4223), "no container port"),
    ("NetworkPolicy/nats", lambda m: m["spec"].pop("ingress"), "gateway may send to nats:4222, which may not receive"),
    ("NetworkPolicy/provider-api", lambda m: m["spec"].pop("egress"), "receive from generator, which may not send"),
    ("NetworkPolicy/provider-api", lambda m: m["spec"].pop("egress"), "receive from gateway, which may not send"),
    ("NetworkPolicy/internet", lambda m: blocks(m)[0]["except"].remove("169.254.0.0/16"), "leads to 169.254.169.254"),
    ("NetworkPolicy/private-networks", lambda m: blocks(m)[-1].pop("except"), "leads to fd00:ec2::254"),
    ("NetworkPolicy/dns", lambda m: m["spec"]["egress"][0]["to"][0].pop("podSelector"), "strange namespace"),
    ("Deployment/gateway", lambda m: m["spec"].update(replicas=2), "no PodDisruptionBudget"),
    ("Deployment/generator", lambda m: m["spec"].update(strategy={"type": "Recreate"}), "stops all at once"),
    ("Deployment/uploader", lambda m: pod(m).update(terminationGracePeriodSeconds=45), "the 60 seconds"),
    ("Deployment/generator", lambda m: pod(m).update(terminationGracePeriodSeconds=75), "the 345 seconds"),
    ("PodDisruptionBudget/generator", lambda m: m["spec"].update(maxUnavailable=0), "lets no pod go"),
    ("PodDisruptionBudget/generator", lambda m: m["spec"].update(minAvailable=2), "lets no pod go"),
    ("PodDisruptionBudget/generator", lambda m: m["spec"].update(selector={}), "selects 8 workloads"),
]


class Rules(unittest.TestCase):
    def setUp(self) -> None:
        self.manifests = load(Path(os.environ["K8S_RENDERED"]))

    def found(self, manifests: list[dict]) -> list[str]:
        return list(findings(manifests, README, CONTAINERFILE))

    def test_what_we_ship_has_no_finding(self) -> None:
        self.assertEqual(self.found(self.manifests), [])

    def test_each_planted_mistake_is_found(self) -> None:
        for where, spoil, said in MISTAKES:
            with self.subTest(where=where, said=said):
                manifests = copy.deepcopy(self.manifests)
                named = {f"{m['kind']}/{m['metadata']['name']}": m for m in manifests}
                spoil(named[where])
                self.assertTrue(any(said in finding for finding in self.found(manifests)), self.found(manifests))

    def test_quantities_are_compared_across_units(self) -> None:
        self.assertLess(quantity("900m"), quantity(1))
        self.assertLess(quantity("1G"), quantity("1Gi"))


if __name__ == "__main__":
    unittest.main()
