"""A real Azure Blob Storage, as far as it goes on one machine: Azurite."""

import pathlib

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from support.process import PEERS, Process, free_port, is_listening

# Azurite's own, which are public.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azurite:
    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        self.connection_string = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.endpoint}"
        self.start()
        # Newer versions of the API than Azurite's are refused.
        self.client = BlobServiceClient.from_connection_string(self.connection_string, api_version="2021-12-02")

    def start(self):
        """Starts it, or starts it again with what it held."""
        self.process = Process(
            f"azurite-{self.port}",
            ["node", PEERS / "node_modules/azurite/dist/src/blob/main.js", "--location", self._folder / "azurite-data",
             "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--silent", "--disableTelemetry"],
            folder=self._folder)
        self.process.wait_until(lambda: is_listening("127.0.0.1", self.port), "does not listen")

    def make_container(self, name):
        self.client.create_container(name)
        return Container(self, name)

    def stop(self):
        self.process.stop()


class Container:
    def __init__(self, azurite, name):
        self.azurite = azurite
        self.name = name
        self._client = azurite.client.get_container_client(name)

    def config(self):
        """storage.azure of aircheck's configuration."""
        return {"account_name": ACCOUNT, "account_key": KEY, "container_name": self.name, "endpoint": self.azurite.endpoint}

    def keys(self):
        return sorted(blob.name for blob in self._client.list_blobs())

    def download(self, key, folder):
        path = pathlib.Path(folder) / pathlib.Path(key).name
        path.write_bytes(self._client.download_blob(key).readall())
        return path

    def properties(self, key):
        return self._client.get_blob_client(key).get_blob_properties()

    def delete(self):
        try:
            self._client.delete_container()
        except ResourceNotFoundError:
            pass
