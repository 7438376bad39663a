"""Rendered manifests as the rules see them: workloads, selectors, and where a finding belongs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import yaml

WORKLOADS = ("Deployment", "StatefulSet", "Job")


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet or Job, with its pods' labels and specification."""

    manifest: dict
    labels: dict
    pod: dict

    @property
    def kind(self) -> str:
        return self.manifest["kind"]

    @property
    def name(self) -> str:
        return self.manifest["metadata"]["name"]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    def containers(self) -> list[dict]:
        return self.pod.get("initContainers", []) + self.pod["containers"]

    def ports(self) -> dict:
        """Every container port, by its number and, where it has one, by its name."""
        found = {}
        for container in self.containers():
            for port in container.get("ports", []):
                found[port["containerPort"]] = port["containerPort"]
                if "name" in port:
                    found[port["name"]] = port["containerPort"]
        return found


def load(path: Path) -> list[dict]:
    return [manifest for manifest in yaml.safe_load_all(path.read_text()) if manifest]


def of_kind(manifests: list[dict], kind: str) -> dict[str, dict]:
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}


def workloads(manifests: list[dict]) -> Iterator[Workload]:
    for manifest in manifests:
        if manifest["kind"] in WORKLOADS:
            template = manifest["spec"]["template"]
            labels = template.get("metadata", {}).get("labels", {})
            yield Workload(manifest, labels, template["spec"])


def selects(selector: dict, labels: dict) -> bool:
    """Whether a label selector of Kubernetes takes these labels. An empty one takes all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions", []):
        present, value = term["key"] in labels, labels.get(term["key"])
        holds = {
            "In": present and value in term.get("values", []),
            "NotIn": not present or value not in term.get("values", []),
            "Exists": present,
            "DoesNotExist": not present,
        }[term["operator"]]
        if not holds:
            return False
    return True
