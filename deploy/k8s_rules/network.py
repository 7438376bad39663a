"""NetworkPolicies: everything is refused first, and what is allowed meets something real on both sides."""

from ipaddress import ip_address, ip_network
from typing import Iterator

from .model import Workload, of_kind, selects, workloads

DNS = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
# Where clouds answer any pod that asks with the credentials of its node.
METADATA = [ip_address("169.254.169.254"), ip_address("fd00:ec2::254")]
SIDES = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}

Way = tuple[str, str, int]


def check(manifests: list[dict]) -> Iterator[str]:
    pods = list(workloads(manifests))
    policies = of_kind(manifests, "NetworkPolicy")
    if not any(_denies_all(policy["spec"]) for policy in policies.values()):
        yield "NetworkPolicy: none refuses everything by default"
    for name, policy in policies.items():
        for finding in _policy(policy["spec"], pods):
            yield f"NetworkPolicy/{name}: {finding}"
    # A way is open only if its one end may send and its other end may receive.
    sent, received = (set(_ways(policies, pods, side)) for side in ("Egress", "Ingress"))
    for source, target, port in sorted(sent - received):
        yield f"NetworkPolicy: {source} may send to {target}:{port}, which may not receive it"
    for source, target, port in sorted(received - sent):
        yield f"NetworkPolicy: {target}:{port} may receive from {source}, which may not send"


def _denies_all(spec: dict) -> bool:
    both = set(spec.get("policyTypes", [])) == {"Ingress", "Egress"}
    return spec.get("podSelector") == {} and both and not spec.get("ingress") and not spec.get("egress")


def _policy(spec: dict, pods: list[Workload]) -> Iterator[str]:
    own = _chosen(spec["podSelector"], pods)
    if not own:
        yield "podSelector matches no pod"
    for side, (rules, peers) in SIDES.items():
        if spec.get(rules) and side not in spec.get("policyTypes", []):
            yield f"has rules for {rules} without policyType {side}"
        for rule in spec.get(rules, []):
            targets = own if side == "Ingress" else []
            for peer in rule.get(peers, []):
                if "namespaceSelector" in peer:
                    if peer != DNS:
                        yield f"{peers} names a strange namespace"
                elif "ipBlock" in peer:
                    yield from _block(peer["ipBlock"])
                elif "podSelector" in peer:
                    matched = _chosen(peer["podSelector"], pods)
                    if not matched:
                        yield f"{peers} matches no pod"
                    targets = targets if side == "Ingress" else targets + matched
            for port in rule.get("ports", []):
                for target in targets:
                    if port["port"] not in target.ports():
                        yield f"port {port['port']} is no container port of {target}"


def _block(block: dict) -> Iterator[str]:
    inside, outside = ip_network(block["cidr"]), [ip_network(cidr) for cidr in block.get("except", [])]
    for address in METADATA:
        if address in inside and not any(address in cidr for cidr in outside):
            yield f"{block['cidr']} leads to {address}, a cloud's metadata"


def _ways(policies: dict[str, dict], pods: list[Workload], side: str) -> Iterator[Way]:
    """Who may reach whom inside the namespace. A peer that is everybody stands for no one in particular."""
    rules, peers = SIDES[side]
    for policy in policies.values():
        for own in _chosen(policy["spec"]["podSelector"], pods):
            for rule in policy["spec"].get(rules, []):
                near = [peer for peer in rule.get(peers, []) if "namespaceSelector" not in peer]
                selectors = [peer["podSelector"] for peer in near if peer.get("podSelector")]
                for other in (pod for selector in selectors for pod in _chosen(selector, pods)):
                    source, target = (other, own) if side == "Ingress" else (own, other)
                    for port in rule.get("ports", []):
                        yield source.name, target.name, port["port"]


def _chosen(selector: dict, pods: list[Workload]) -> list[Workload]:
    return [pod for pod in pods if selects(selector, pod.labels)]
