"""Google Cloud Storage, twice: fake-gcs-server, and our own strict stand-in (gcs_server.py) for what that one lacks."""

import json
import pathlib
import urllib.parse

import requests

from support.process import PEERS, ROOT, Process, free_port, is_listening


class Objects:
    """What lies in a bucket, by the JSON API."""

    def __init__(self, endpoint, bucket, headers=lambda: {}):
        self.endpoint, self.bucket, self._headers = endpoint, bucket, headers

    def _get(self, path="", **query):
        answer = requests.get(f"{self.endpoint}/storage/v1/b/{self.bucket}/o{path}", params=query, headers=self._headers(), timeout=30)
        assert answer.ok, answer.text
        return answer

    def keys(self):
        return sorted(one["name"] for one in self._get().json().get("items", []))

    def about(self, key):
        return self._get("/" + urllib.parse.quote(key, safe="")).json()

    def download(self, key, folder):
        path = pathlib.Path(folder) / pathlib.Path(key).name
        size = int(self.about(key)["size"])
        answer = requests.get(
            f"{self.endpoint}/storage/v1/b/{self.bucket}/o/{urllib.parse.quote(key, safe='')}", params={"alt": "media"},
            headers={**self._headers(), "Range": f"bytes=0-{size - 1}"}, timeout=30)
        assert answer.status_code == 206, answer.text
        path.write_bytes(answer.content)
        return path


class GcsServer:
    def __init__(self, folder, bucket="calls", deny=()):
        self._data = pathlib.Path(folder) / "gcs-data"
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.bucket = bucket
        self.process = Process(
            f"gcs-{self.port}",
            [PEERS / "venv/bin/python", ROOT / "tests/support/gcs_server.py", "--port", str(self.port), "--folder", self._data,
             "--bucket", bucket, *(word for right in deny for word in ("--deny", right))],
            folder=folder)
        self.process.wait_until(lambda: is_listening("127.0.0.1", self.port), "does not listen")
        self.credentials = (self._data / "credentials.json").read_text()
        self._token = None

    def _headers(self):
        """Of a client of its own: google-auth's way to a token, by hand."""
        if not self._token:
            import base64
            import time
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import padding
            account = json.loads(self.credentials)
            def part(value):
                return base64.urlsafe_b64encode(value).rstrip(b"=")
            now = int(time.time())
            to_sign = part(json.dumps({"alg": "RS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps({
                "iss": account["client_email"], "aud": account["token_uri"], "iat": now, "exp": now + 3600,
                "scope": "https://www.googleapis.com/auth/devstorage.full_control"}).encode())
            key = serialization.load_pem_private_key(account["private_key"].encode(), None)
            signature = part(key.sign(to_sign, padding.PKCS1v15(), hashes.SHA256()))
            answer = requests.post(account["token_uri"], timeout=30, data={
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": (to_sign + b"." + signature).decode()})
            self._token = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def config(self):
        """storage.gcp of aircheck's configuration."""
        return {"bucket": self.bucket, "credentials_json": self.credentials, "endpoint": self.endpoint}

    def objects(self):
        return Objects(self.endpoint, self.bucket, self._headers)

    def stop(self):
        self.process.stop()


class FakeGcs:
    """fake-gcs-server: it asks for no token, and has no uploads in parts."""

    def __init__(self, folder, bucket="calls"):
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.bucket = bucket
        self.process = Process(
            f"fake-gcs-{self.port}",
            [PEERS / "bin/fake-gcs-server", "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1",
             "-port", str(self.port), "-external-url", self.endpoint], folder=folder)
        self.process.wait_until(lambda: is_listening("127.0.0.1", self.port), "does not listen")
        assert requests.post(f"{self.endpoint}/storage/v1/b", params={"project": "p"}, json={"name": bucket}, timeout=30).ok

    def objects(self):
        return Objects(self.endpoint, self.bucket)

    def stop(self):
        self.process.stop()
