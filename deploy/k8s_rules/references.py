"""Every name that a manifest mentions must exist, and every variable must be documented."""

import re
from typing import Iterator

from .model import Workload, of_kind, selects, workloads

NAMESPACE = "darkroom"
# The suffix that kustomize gives to what it generates: ten characters of this alphabet.
GENERATED = re.compile(r"-[bcdfghkmt2456789]{10}$")


def check(manifests: list[dict], documented: set[str]) -> Iterator[str]:
    """Findings on names; `documented` are the variables that the README lists."""
    yield from _namespace(manifests)
    used: set[tuple[str, str]] = set()
    for workload in workloads(manifests):
        for kind, name in _mentioned(workload):
            used.add((kind, name))
            if name not in of_kind(manifests, kind):
                yield f"{workload}: {kind} {name} does not exist"
            # Applied again after a change of configuration, such a Job would be refused.
            if workload.kind == "Job" and GENERATED.search(name):
                yield f"{workload}: {kind} {name} has a generated name, which a Job's fixed template cannot follow"
        for finding in _environment(manifests, workload, documented):
            yield f"{workload}: {finding}"
    for kind in ("ConfigMap", "Secret", "PersistentVolumeClaim", "ServiceAccount"):
        for name in of_kind(manifests, kind):
            if (kind, name) not in used:
                yield f"{kind}/{name}: nobody uses it"
    yield from _services(manifests)


def _namespace(manifests: list[dict]) -> Iterator[str]:
    namespace = of_kind(manifests, "Namespace").get(NAMESPACE, {"metadata": {}})
    if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
        yield f"Namespace/{NAMESPACE}: does not enforce the restricted Pod Security Standard"
    for manifest in manifests:
        if manifest["kind"] != "Namespace" and manifest["metadata"].get("namespace") != NAMESPACE:
            yield f"{manifest['kind']}/{manifest['metadata']['name']}: is not in namespace {NAMESPACE}"


def _mentioned(workload: Workload) -> Iterator[tuple[str, str]]:
    yield "ServiceAccount", workload.pod.get("serviceAccountName", "default")
    for volume in workload.pod.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for container in workload.containers():
        sources = [*container.get("envFrom", []), *(e.get("valueFrom", {}) for e in container.get("env", []))]
        for source in sources:
            for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
                reference = source.get(f"{field}Ref") or source.get(f"{field}KeyRef")
                if reference:
                    yield kind, reference["name"]


def _environment(manifests: list[dict], workload: Workload, documented: set[str]) -> Iterator[str]:
    maps = of_kind(manifests, "ConfigMap")
    for container in workload.containers():
        own = [variable["name"] for variable in container.get("env", [])]
        for source in container.get("envFrom", []):
            own += maps.get(source.get("configMapRef", {}).get("name"), {}).get("data", {})
        for name in sorted({name for name in own if own.count(name) > 1}):
            yield f"{name} is set twice"
        for name in own:
            if name not in documented and name.removesuffix("_FILE") not in documented:
                yield f"{name} is not documented"
        for variable in container.get("env", []):
            if variable["name"].endswith("_FILE") and not _file(manifests, workload, container, variable["value"]):
                yield f"{variable['name']}: no Secret puts a file at {variable['value']}"


def _file(manifests: list[dict], workload: Workload, container: dict, path: str) -> bool:
    volumes = {volume["name"]: volume for volume in workload.pod.get("volumes", [])}
    secrets = of_kind(manifests, "Secret")
    for mount in container.get("volumeMounts", []):
        secret = volumes.get(mount["name"], {}).get("secret")
        if secret:
            keys = secrets.get(secret["secretName"], {}).get("data", {})
            if path in {f"{mount['mountPath']}/{key}" for key in keys}:
                return True
    return False


def _services(manifests: list[dict]) -> Iterator[str]:
    services = of_kind(manifests, "Service")
    for name, service in services.items():
        selector = {"matchLabels": service["spec"].get("selector", {})}
        chosen = [w for w in workloads(manifests) if selects(selector, w.labels)]
        if len(chosen) != 1:
            yield f"Service/{name}: selects {len(chosen)} workloads instead of one"
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            if any(target not in workload.ports() for workload in chosen):
                yield f"Service/{name}: no container port answers targetPort {target}"
    for workload in workloads(manifests):
        headless = workload.manifest["spec"].get("serviceName")
        if workload.kind == "StatefulSet":
            if services.get(headless, {"spec": {}})["spec"].get("clusterIP") != "None":
                yield f"{workload}: serviceName {headless} is no headless Service"
