"""Rules for our manifests that no schema can say. Run by `deploy/check-k8s`."""
