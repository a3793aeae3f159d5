"""What `deploy/` holds for hosts: manifests that Kubernetes takes, and figures that agree with the page's own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from lstmviz.web import draining

ROOT = Path(__file__).parent.parent
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
KINDS = {"Deployment", "Service", "Ingress", "PodDisruptionBudget", "HorizontalPodAutoscaler"}


def _read(path: Path):
    return yaml.safe_load(path.read_text())


def _manifest(kind: str):
    (found,) = [document for document in map(_read, MANIFESTS) if document["kind"] == kind]
    return found


def _settings():
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


@pytest.mark.parametrize("version", ["1.29.0", "1.33.0"])
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_kubernetes_takes_each_manifest(path, version):
    kubernetes_validate.validate(_read(path), version, strict=True)


def test_a_manifest_with_a_word_that_kubernetes_does_not_know_would_be_refused():
    wrong = _manifest("Deployment")
    wrong["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.33.0", strict=True)


def test_the_manifests_are_of_one_thing():
    documents = [_read(path) for path in MANIFESTS]
    assert {document["kind"] for document in documents} == KINDS
    labels = _manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert _manifest("Service")["spec"]["selector"] == labels
    assert _manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert {document["metadata"]["name"] for document in documents} == {"lstmviz"}


def test_hosts_wait_for_longer_than_a_server_that_ends_takes():
    takes = draining.GRACE + draining._STUCK
    assert _manifest("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > takes
    compose = _read(ROOT / "deploy" / "compose.yaml")
    assert float(compose["services"]["replica-1"]["stop_grace_period"].removesuffix("s")) > takes


def test_a_proxy_lets_through_what_the_page_lets_upload():
    most = f"{_settings()['server']['maxUploadSize']}m"
    annotations = _manifest("Ingress")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == most
    assert f":-{most}}}" in (ROOT / "deploy" / "nginx" / "configure.sh").read_text()


def test_compose_tells_nginx_of_every_replica_and_each_replica_of_nginx():
    services = _read(ROOT / "deploy" / "compose.yaml")["services"]
    replicas = {name: service for name, service in services.items() if name.startswith("replica")}
    addresses = {service["networks"]["inside"]["ipv4_address"] for service in replicas.values()}
    told = services["nginx"]["environment"]["LSTMVIZ_REPLICAS"].split()
    port = re.search(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1]
    assert sorted(told) == sorted(f"{address}:{port}" for address in addresses)
    trusted = {service["environment"]["FORWARDED_ALLOW_IPS"] for service in replicas.values()}
    assert trusted == {services["nginx"]["networks"]["inside"]["ipv4_address"]}
    assert sorted(services["nginx"]["depends_on"]) == sorted(replicas)


def test_hosted_pages_train_nothing_unless_their_host_says_so():
    assert re.search(r"^    LSTMVIZ_TRAIN=0 \\$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    (container,) = _manifest("Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"name": "LSTMVIZ_TRAIN", "value": "0"} in container["env"]
    for path in (ROOT / "compose.yaml", ROOT / "deploy" / "compose.yaml"):
        services = [each for name, each in _read(path)["services"].items() if name != "nginx"]
        own = [each["environment"]["LSTMVIZ_TRAIN"] for each in services if "environment" in each]
        assert own and set(own) == {"${LSTMVIZ_TRAIN:-0}"}
