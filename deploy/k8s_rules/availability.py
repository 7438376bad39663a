"""What keeps a service there: a second one of it, a drain that leaves one, and time to finish."""

from typing import Iterator

from .model import Workload, of_kind, selects, workloads

# Seconds that a service of ours takes to finish what it holds (`DARKROOM_GRACE`).
GRACE = 60
# Of those that take longer: `GRACE` in services/generator/src/config.rs.
LONGER = {"generator": 345}


def check(manifests: list[dict]) -> Iterator[str]:
    budgets = of_kind(manifests, "PodDisruptionBudget")
    pods = [workload for workload in workloads(manifests) if workload.kind != "Job"]
    for name, budget in budgets.items():
        chosen = [workload for workload in pods if _covers(budget, workload)]
        if len(chosen) != 1:
            yield f"PodDisruptionBudget/{name}: selects {len(chosen)} workloads instead of one"
        if any(not _lets_go(budget["spec"], _replicas(workload)) for workload in chosen):
            yield f"PodDisruptionBudget/{name}: lets no pod go, so that its node cannot be drained"
    for workload in pods:
        if _replicas(workload) > 1:
            if not any(_covers(budget, workload) for budget in budgets.values()):
                yield f"{workload}: has replicas and no PodDisruptionBudget, so that a drain may stop all of them"
            if workload.manifest["spec"].get("strategy", {}).get("type") == "Recreate":
                yield f"{workload}: has replicas, which its strategy Recreate stops all at once"
        service = workload.labels.get("app.kubernetes.io/component") == "service"
        grace = LONGER.get(workload.name, GRACE)
        if service and workload.pod.get("terminationGracePeriodSeconds", 30) <= grace:
            yield f"{workload}: terminationGracePeriodSeconds leaves less than the {grace} seconds that it may need"


def _replicas(workload: Workload) -> int:
    return workload.manifest["spec"].get("replicas", 1)


def _covers(budget: dict, workload: Workload) -> bool:
    return selects(budget["spec"]["selector"], workload.labels)


def _lets_go(spec: dict, replicas: int) -> bool:
    """Whether one pod may leave. The budgets are of whole pods, not of percentages."""
    return spec.get("maxUnavailable", 1) != 0 and spec.get("minAvailable", 0) < replicas
