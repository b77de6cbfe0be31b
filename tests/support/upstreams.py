"""nginx in front of several processes, from which one is taken out before it stops."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.support.deadlines import NO_CERTIFICATES, POLL_SECONDS, WAIT_SECONDS
from tests.support.processes import free_port

CONFIGURATION = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream credit_easy {{ {servers} keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_next_upstream off;
    location = /generation {{ return 200 "{generation}"; }}
    location / {{ proxy_pass http://credit_easy; }}
  }}
}}
"""


@dataclass
class Proxy:
    """A running nginx; `generation` counts its configurations."""

    folder: Path
    port: int
    generation: int = 0

    @property
    def base(self) -> str:
        """The address that clients use."""
        return f"http://127.0.0.1:{self.port}"

    def write(self, ports: Collection[int]) -> None:
        """Write a configuration that sends requests to these ports."""
        self.generation += 1
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports)
        text = CONFIGURATION.format(folder=self.folder, servers=servers, port=self.port, generation=self.generation)
        (self.folder / "nginx.conf").write_text(text)

    def send_to(self, *ports: int) -> None:
        """Send requests to these ports alone from now on; those that are running finish where they are."""
        self.write(ports)
        command = ["nginx", "-c", str(self.folder / "nginx.conf"), "-s", "reload"]
        subprocess.run(command, check=True, capture_output=True)
        self.wait()

    def wait(self) -> None:
        """Wait until new connections meet the last configuration."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx2.get(self.base + "/generation", verify=NO_CERTIFICATES).text == str(self.generation):
                    return
            except httpx2.HTTPError:
                pass  # it does not listen yet
            time.sleep(POLL_SECONDS)
        raise RuntimeError("nginx did not take its configuration")


@contextmanager
def proxy(folder: Path, *ports: int) -> Iterator[Proxy]:
    """Run nginx in front of these ports."""
    folder.mkdir()
    front = Proxy(folder, free_port())
    front.write(ports)
    command = ["nginx", "-c", str(folder / "nginx.conf")]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        front.wait()
        yield front
    finally:
        running.terminate()
        running.wait(WAIT_SECONDS)
