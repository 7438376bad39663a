"""`python -m k8s_rules RENDERED README CONTAINERFILE`: prints each finding, fails if there is one."""

import re
import sys
from pathlib import Path
from typing import Iterator

from . import availability, network, pods, references
from .model import load, workloads


def findings(manifests: list[dict], readme: str, containerfile: str) -> Iterator[str]:
    """All that is wrong with the manifests, given what is documented and what the image holds."""
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", readme))
    built = re.findall(r"release/([a-z-]+)\b", containerfile)
    yield from pods.check(manifests, {f"/usr/local/bin/{name}" for name in built})
    yield from references.check(manifests, documented)
    yield from network.check(manifests)
    yield from availability.check(manifests)


def main() -> int:
    rendered, readme, containerfile = (Path(argument) for argument in sys.argv[1:])
    manifests = load(rendered)
    found = list(findings(manifests, readme.read_text(), containerfile.read_text()))
    for finding in found:
        print(finding, file=sys.stderr)
    count = len(list(workloads(manifests)))
    print(f"{len(manifests)} manifests, {count} workloads: {len(found)} findings")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main())
