"""The script that configures nginx: what it writes is nginx's language, and what makes no sense is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "deploy" / "nginx" / "configure.sh"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _configure(replicas: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "LSTMVIZ_REPLICAS": replicas, **more}
    return subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.skipif(NGINX is None, reason="there is no nginx here")
@pytest.mark.parametrize("replicas", [1, 3, 12])
def test_nginx_reads_what_is_written(tmp_path, replicas):
    addresses = " ".join(f"127.0.0.1:{9000 + n}" for n in range(replicas))
    site = tmp_path / "site.conf"
    done = _configure(addresses, LSTMVIZ_LISTEN="8501", LSTMVIZ_CONF=str(site))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off; include {site}; }}\n"
    )
    checked = subprocess.run(
        [str(NGINX), "-t", "-c", main], capture_output=True, text=True, timeout=30, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_each_replica_has_a_pool_in_which_the_others_stand_in():
    written = _configure("10.0.0.1:8501 10.0.0.2:8501").stdout
    pool = written.split("upstream lstmviz_2 {")[1].split("}")[0].split()
    assert "10.0.0.1:8501 max_fails=0 backup;" in " ".join(pool)
    assert "10.0.0.2:8501 max_fails=0;" in " ".join(pool)


@pytest.mark.parametrize(
    "replicas", ["app:8501", "127.0.0.1", "127.0.0.1:8501;}", "127.0.0.1:8501 :1", "1.2.3.4:5:6", "1.2.3.4:"]
)
def test_an_address_that_nginx_could_not_tell_is_refused(replicas):
    done = _configure(replicas)
    assert done.returncode != 0 and "each must be" in done.stderr and done.stdout == ""


def test_without_replicas_it_says_what_is_missing():
    done = _configure("")
    assert done.returncode != 0 and "LSTMVIZ_REPLICAS" in done.stderr
