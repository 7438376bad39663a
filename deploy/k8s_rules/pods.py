"""What every pod must say: the `restricted` Pod Security Standard, and good manners.

<https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
"""

import re
from typing import Iterator

from .model import Workload, workloads

RESTRICTED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
UNITS = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def check(manifests: list[dict], binaries: set[str]) -> Iterator[str]:
    """Findings on every workload; `binaries` are the paths that our image holds."""
    for workload in workloads(manifests):
        for finding in _pod(workload):
            yield f"{workload}: {finding}"
        for container in workload.containers():
            findings = [*_restricted(container), *_manners(workload, container), *_command(container, binaries)]
            for finding in findings:
                yield f"{workload}: container {container['name']}: {finding}"


def _pod(workload: Workload) -> Iterator[str]:
    pod = workload.pod
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"{field} is set"
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True:
        yield "securityContext.runAsNonRoot is not true"
    if not security.get("runAsUser"):
        yield "securityContext.runAsUser is not a user other than root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "securityContext.seccompProfile is not RuntimeDefault"
    if security.get("sysctls"):
        yield "securityContext.sysctls is set"
    if pod.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"
    if pod.get("enableServiceLinks") is not False:
        yield "enableServiceLinks is not false"
    if pod.get("serviceAccountName", "default") == "default":
        yield "serviceAccountName is not its own"
    for volume in pod.get("volumes", []):
        kinds = set(volume) - {"name"}
        if not kinds <= RESTRICTED_VOLUMES:
            yield f"volume {volume['name']}: {', '.join(kinds)} is not allowed"
        if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
            yield f"volume {volume['name']}: emptyDir has no sizeLimit"
    selector = workload.manifest["spec"].get("selector", {}).get("matchLabels", {})
    if workload.kind != "Job" and not (selector and selector.items() <= workload.labels.items()):
        yield "selector does not match the labels of its own pods"


def _restricted(container: dict) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"
    if security.get("privileged") or security.get("procMount"):
        yield "privileged or procMount is set"
    if security.get("runAsNonRoot") is False or security.get("runAsUser") == 0:
        yield "runs as root"
    if security.get("seccompProfile", {}).get("type", "RuntimeDefault") == "Unconfined":
        yield "seccompProfile is Unconfined"
    capabilities = security.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "capabilities are not dropped, all of them"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "hostPort is set"


def _manners(workload: Workload, container: dict) -> Iterator[str]:
    name, _, tag = container["image"].rpartition(":")
    if not name or "/" in tag or tag == "latest":
        yield f"image {container['image']} has no fixed tag"
    if container.get("imagePullPolicy") != "IfNotPresent":
        yield "imagePullPolicy is not IfNotPresent"
    resources = container.get("resources", {})
    for resource in ("cpu", "memory"):
        wanted, limit = (resources.get(side, {}).get(resource) for side in ("requests", "limits"))
        if wanted is None or limit is None:
            yield f"resources: {resource} lacks a request or a limit"
        elif quantity(wanted) > quantity(limit):
            yield f"resources: {resource} requests {wanted}, more than its limit {limit}"
    if workload.kind != "Job":
        for probe in PROBES:
            if probe not in container:
                yield f"{probe} is missing"
            elif (port := _port(container[probe])) not in workload.ports():
                yield f"{probe} asks port {port}, which is not there"
    volumes = {volume["name"] for volume in workload.pod.get("volumes", [])}
    volumes |= {claim["metadata"]["name"] for claim in workload.manifest["spec"].get("volumeClaimTemplates", [])}
    mounts = container.get("volumeMounts", [])
    for mount in mounts:
        if mount["name"] not in volumes:
            yield f"volumeMount {mount['name']} has no volume"
    if len({mount["mountPath"] for mount in mounts}) != len(mounts):
        yield "two volumeMounts share a mountPath"


def _command(container: dict, binaries: set[str]) -> Iterator[str]:
    if container["image"].startswith("darkroom:") and container.get("command", [None])[0] not in binaries:
        yield f"command {container.get('command')} is not a binary of the image"


def _port(probe: dict):
    return (probe.get("httpGet") or probe.get("tcpSocket") or {}).get("port")


def quantity(text) -> float:
    """A Kubernetes quantity as a number: `100m` is 0.1, `1Ki` is 1024."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()
    return float(number) * UNITS[unit]
