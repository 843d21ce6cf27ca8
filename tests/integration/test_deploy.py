"""The Helm chart and the compose file: that they say what Kubernetes, Docker and aircheck itself understand."""

import json
import re
import subprocess

import pytest
import requests

from support import aircheck
from support.minio import Minio
from support.process import PEERS, ROOT, Process, free_port, is_listening, wait_until

pytestmark = pytest.mark.deploy

CHART = ROOT / "deploy/helm/aircheck"
COMPOSE = ROOT / "deploy/docker-compose.yaml"
KUBERNETES = "1.31"
DROP_IN = CHART / "ci/drop-in-values.yaml"
FULL = CHART / "ci/full-values.yaml"


def from_yaml(text):
    """The documents of it; the tests' own Python has no YAML."""
    script = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)"
    done = subprocess.run([PEERS / "deploy/bin/python", "-c", script], input=text, text=True, check=True,
                          capture_output=True)
    return json.loads(done.stdout)


def helm(*arguments):
    return subprocess.run([PEERS / "bin/helm", *map(str, arguments)], text=True, capture_output=True)


def template(*arguments):
    done = helm("template", "calls", CHART, "--namespace", "media", "--kube-version", KUBERNETES, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(*arguments):
    """(kind, name): object."""
    return {(one["kind"], one["metadata"]["name"]): one for one in from_yaml(template(*arguments)) if one}


def container_of(objects):
    return objects["StatefulSet", "calls-aircheck"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("values", [[], ["-f", DROP_IN], ["-f", FULL], ["--set", "persistence.enabled=false"]],
                         ids=["defaults", "drop-in", "full", "no-volume"])
def test_chart_is_valid(values, tmp_path):
    linted = helm("lint", "--strict", CHART, *values)
    assert linted.returncode == 0, linted.stdout
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(template(*values))
    checked = subprocess.run([PEERS / "deploy/bin/kubernetes-validate", "-k", KUBERNETES, "--strict", manifest],
                             text=True, capture_output=True)
    words = checked.stdout + checked.stderr
    assert checked.returncode == 0, words
    # Prometheus' operator's kind is not Kubernetes' own; everything else has a schema.
    assert all("kind ServiceMonitor" in line for line in words.splitlines() if "Couldn't find schema" in line)


@pytest.mark.parametrize("arguments, words", [
    (["--set", "replicaCount=2"], "more than one replica needs config.redis"),
    (["--set", "autoscaling.enabled=true"], "more than one replica needs config.redis"),
    (["--set", "config.database=postgres://x/y"], "config.database needs secretsKey.existingSecret"),
    (["--set", "hurrySeconds=3600"], "must be longer than hurrySeconds"),
    (["--set", "replicacount=2"], "additional properties 'replicacount' not allowed"),
    (["--set", "service.port=http"], "service/port"),
])
def test_chart_refuses_what_cannot_work(arguments, words):
    done = helm("template", "calls", CHART, "--kube-version", KUBERNETES, *arguments)
    assert done.returncode != 0
    assert words in done.stderr


def test_chart_drains():
    objects = rendered("--set", "terminationGracePeriodSeconds=600", "--set", "hurrySeconds=60")
    assert objects["StatefulSet", "calls-aircheck"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 600
    shell, option, script = container_of(objects)["lifecycle"]["preStop"]["exec"]["command"]
    assert (shell, option) == ("/bin/bash", "-c")
    # The hook as it is, with a process of ours for process 1: one SIGTERM, and it ends with the process.
    heard = subprocess.Popen(["bash", "-c", "trap 'echo one; sleep 1; exit' TERM; echo up; while :; do sleep 0.1; done"],
                             stdout=subprocess.PIPE, text=True)
    assert heard.stdout.readline() == "up\n"
    reaped = re.sub(r"kill -0 1\b", f"grep -q '^State:.[^Z]' /proc/{heard.pid}/status", script)
    subprocess.run(["bash", "-c", re.sub(r"kill -TERM 1\b", f"kill -TERM {heard.pid}", reaped)], timeout=300, check=True)
    assert heard.communicate(timeout=60)[0] == "one\n"
    assert "s < 540;" in script


def test_chart_scales_by_our_own_load():
    metric = rendered("-f", FULL)["HorizontalPodAutoscaler", "calls-aircheck"]["spec"]["metrics"][0]["pods"]
    assert metric == {"metric": {"name": "aircheck_load"}, "target": {"type": "AverageValue", "averageValue": "700m"}}


def test_chart_finds_each_selector_something():
    objects = rendered("-f", FULL)
    pod = objects["StatefulSet", "calls-aircheck"]["spec"]["template"]["metadata"]["labels"]
    selectors = [one["spec"]["selector"] for kind, one in ((key[0], one) for key, one in objects.items()) if kind == "Service"]
    selectors += [objects[kind, "calls-aircheck"]["spec"][field]["matchLabels"] for kind, field in
                  (("StatefulSet", "selector"), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector"))]
    assert len(selectors) == 5
    assert all(pod.items() >= selector.items() for selector in selectors)
    monitored = objects["ServiceMonitor", "calls-aircheck"]["spec"]["selector"]["matchLabels"]
    services = [one for (kind, _), one in objects.items() if kind == "Service"
                and one["metadata"]["labels"].items() >= monitored.items()
                and "helm.sh/chart" not in one["metadata"]["labels"]]
    assert [one["metadata"]["name"] for one in services] == ["calls-aircheck-pods"]
    assert objects["StatefulSet", "calls-aircheck"]["spec"]["serviceName"] == "calls-aircheck-pods"


@pytest.mark.parametrize("values", [[], ["-f", DROP_IN]], ids=["defaults", "drop-in"])
def test_aircheck_runs_as_the_chart_says(values, running, tmp_path):
    objects = rendered(*values)
    container = container_of(objects)
    env = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    env["EGRESS_CONFIG_BODY"] = objects["Secret", "calls-aircheck"]["stringData"]["config.yaml"]
    for listener in ("health_port", "prometheus_port"):
        env["EGRESS_CONFIG_BODY"] = re.sub(rf"{listener}: \d+", f"{listener}: {free_port()}", env["EGRESS_CONFIG_BODY"])
    # Keys come from a Secret of the owner's (envFromSecrets) where the configuration has none.
    env.update({} if "api_key" in env["EGRESS_CONFIG_BODY"] else
               {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret"})
    # The redis of the configuration is nowhere: not reaching it must not make the pod unwell.
    port = free_port()
    service = running.add(Process(
        "pod", [aircheck.binary(), "serve", "--data-dir", tmp_path / "data", "--bind", f"127.0.0.1:{port}"],
        folder=tmp_path, env=env))
    for probe in ("startupProbe", "livenessProbe"):
        path = container[probe]["httpGet"]["path"]
        service.wait_until(lambda: is_listening("127.0.0.1", port), "does not listen")
        assert requests.get(f"http://127.0.0.1:{port}{path}", timeout=30).status_code == 200
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    shown = aircheck.run("serve", "--print-config", folder=tmp_path, env=env)
    assert shown.returncode == 0, shown.stderr
    assert "bind: 0.0.0.0:7990  # AIRCHECK_HTTP__BIND" in shown.stdout
    assert "open_probes: true  # AIRCHECK_HTTP__OPEN_PROBES" in shown.stdout


def test_compose_file_is_valid():
    done = subprocess.run([PEERS / "deploy/bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE],
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stdout
    compose, = from_yaml(COMPOSE.read_text())
    named = set(compose["volumes"])
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in named or (COMPOSE.parent / source).is_file(), volume
        for other in service.get("depends_on", {}):
            assert other in compose["services"]


def test_compose_services_understand_each_other(running, tmp_path):
    """Its configuration files with real peers, the services' names put on this machine."""
    minio = running.add(Minio(tmp_path))
    minio.make_bucket("calls")
    redis_port, livekit_port, port = free_port(), free_port(), free_port()
    running.add(Process("redis", ["redis-server", "--bind", "127.0.0.1", "--port", redis_port, "--save", ""], folder=tmp_path))
    wait_until(lambda: is_listening("127.0.0.1", redis_port), "redis listens")
    here = {
        "redis:6379": f"127.0.0.1:{redis_port}",
        "livekit:7880": f"127.0.0.1:{livekit_port}",
        "port: 7880": f"port: {livekit_port}",
        "tcp_port: 7881": f"tcp_port: {free_port()}",
        "udp_port: 7882": f"udp_port: {free_port()}",
        "http://aircheck:7990": f"http://127.0.0.1:{port}",
        "http://minio:9000": minio.endpoint,
        "access_key: minioadmin": "access_key: test-access-key",
        "secret: minioadmin": "secret: test-secret-key",
        'bind: ":7990"': f'bind: "127.0.0.1:{port}"',
    }
    files, unused = {}, set(here)
    for name in ("livekit", "egress"):
        text = (COMPOSE.parent / f"compose/{name}.yaml").read_text()
        for there, local in here.items():
            unused -= {there} if there in text else set()
            text = text.replace(there, local)
        files[name] = tmp_path / f"{name}.yaml"
        files[name].write_text(text)
    assert not unused
    livekit = running.add(Process("livekit", [PEERS / "bin/livekit-server", "--config", files["livekit"], "--bind", "127.0.0.1"],
                                  folder=tmp_path))
    livekit.wait_until(lambda: is_listening("127.0.0.1", livekit_port), "does not listen")
    env = {"EGRESS_CONFIG_FILE": str(files["egress"]), "AIRCHECK_DATA_DIR": str(tmp_path / "data")}
    done = aircheck.run("doctor", "--json", folder=tmp_path, env=env)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, findings
    assert {"livekit", "storage"} <= {finding["check"] for finding in findings if finding["status"] == "ok"}, findings
    service = running.add(Process("aircheck", [aircheck.binary(), "serve"], folder=tmp_path, env=env))
    service.wait_until(lambda: is_listening("127.0.0.1", port), "does not listen")
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=30).text.strip() == "ok"
