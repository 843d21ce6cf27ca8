"""A real S3-compatible store: minio."""

import json
import pathlib
import re

import boto3
import botocore.client
import requests

from support.process import PEERS, Process, free_port

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key"
REGION = "us-east-1"


JOURNALS = "aircheck-journals/"


class Minio:
    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.start()
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
            region_name=REGION, config=botocore.client.Config(s3={"addressing_style": "path"}))

    def start(self):
        """Starts it, or starts it again with what it held."""
        self.process = Process(
            f"minio-{self.port}",
            [PEERS / "bin/minio", "server", "--quiet", "--address", f"127.0.0.1:{self.port}",
             "--console-address", f"127.0.0.1:{free_port()}", self._folder / "minio-data"],
            folder=self._folder,
            env={"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_REGION": REGION,
                 "MINIO_UPDATE": "off", "HOME": str(self._folder)})
        self.process.wait_until(self._is_ready, "is not ready")

    def _is_ready(self):
        try:
            return requests.get(f"{self.endpoint}/minio/health/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def make_bucket(self, name):
        self.client.create_bucket(Bucket=name)
        return Bucket(self, name)

    def names(self):
        """Of its buckets."""
        return [bucket["Name"] for bucket in self.client.list_buckets()["Buckets"]]

    def stop(self):
        self.process.stop()


class Bucket:
    def __init__(self, minio, name):
        self.minio = minio
        self.name = name

    def config(self):
        """storage.s3 of aircheck's configuration."""
        return {"endpoint": self.minio.endpoint, "bucket": self.name, "access_key": ACCESS_KEY, "secret": SECRET_KEY,
                "region": REGION, "force_path_style": True}

    def write_only_config(self):
        """storage.s3 with keys that have s3:PutObject and nothing else."""
        sts = boto3.client("sts", endpoint_url=self.minio.endpoint, aws_access_key_id=ACCESS_KEY,
                           aws_secret_access_key=SECRET_KEY, region_name=REGION)
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [f"arn:aws:s3:::{self.name}/*"]}]}
        keys = sts.assume_role(RoleArn="arn:xxx:xxx:xxx:xxxx", RoleSessionName="writer",
                               Policy=json.dumps(policy))["Credentials"]
        return {**self.config(), "access_key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"],
                "session_token": keys["SessionToken"]}

    def _all(self):
        answer = self.minio.client.list_objects_v2(Bucket=self.name)
        return sorted(item["Key"] for item in answer.get("Contents", []))

    def keys(self):
        """All objects but manifests, which lie beside every recording, and journals, which come and go."""
        return [key for key in self._all() if key not in self.manifests() and not key.startswith(JOURNALS)]

    def journals(self):
        """The copies of journals of recordings that run."""
        return [key for key in self._all() if key.startswith(JOURNALS)]

    def uploads(self, key):
        """Ids of the uploads in parts of `key` that are not over."""
        answer = self.minio.client.list_multipart_uploads(Bucket=self.name, Prefix=key)
        return [upload["UploadId"] for upload in answer.get("Uploads", [])]

    def manifests(self):
        return [key for key in self._all() if re.fullmatch(r"(.*/)?EG_\w+\.json", key) and not key.startswith(JOURNALS)]

    def manifest(self):
        """The only one there is."""
        (key,) = self.manifests()
        return json.load(self.minio.client.get_object(Bucket=self.name, Key=key)["Body"])

    def download(self, key, folder):
        path = pathlib.Path(folder) / pathlib.Path(key).name
        self.minio.client.download_file(self.name, key, str(path))
        return path

    def head(self, key):
        return self.minio.client.head_object(Bucket=self.name, Key=key)
