"""A strict stand-in for Google Cloud Storage: what fake-gcs-server lacks or forgives, it has and refuses.

    python gcs_server.py --port N --folder DIR --bucket NAME [--deny RIGHT]…

It makes a service account at its first start: DIR/credentials.json (and other-credentials.json, of nobody it knows).
Tokens by signed claims, expiring and forgotten by a restart; objects in one piece with `ifGenerationMatch`; the XML API's
uploads in parts with its sizes and ETags, and without conditions; V4 signed links by their signature. Objects and uploads
stay in DIR.
"""

import argparse
import base64
import binascii
import datetime
import hashlib
import http.server
import json
import pathlib
import secrets
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

EMAIL = "recorder@tests.iam.gserviceaccount.com"
SCOPES = {"https://www.googleapis.com/auth/devstorage.read_write", "https://www.googleapis.com/auth/devstorage.full_control"}
LEAST_PART = 5 * 1024 * 1024


class Refusal(Exception):
    """An answer that is an error, in the words of the API that was asked."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_credentials(folder, token_uri):
    for name in ("credentials.json", "other-credentials.json"):
        path = folder / name
        if path.exists():
            continue
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        path.write_text(json.dumps({
            "type": "service_account", "project_id": "tests", "private_key_id": "k1", "private_key": pem,
            "client_email": EMAIL, "client_id": "1", "token_uri": token_uri}))
    pem = json.loads((folder / "credentials.json").read_text())["private_key"]
    return serialization.load_pem_private_key(pem.encode(), None).public_key()


class Store:
    def __init__(self, options):
        self.folder = pathlib.Path(options.folder)
        self.buckets, self.denied = set(options.bucket), set(options.deny)
        self.token_uri = f"http://127.0.0.1:{options.port}/token"
        for part in ("objects", "uploads"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        self.key = make_credentials(self.folder, self.token_uri)
        self.tokens = {}
        self.lock = threading.RLock()

    def check(self, signature, message):
        self.key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())

    def issue(self, form):
        try:
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer", "grant type"
            header, claims, signature = form["assertion"].split(".")
            assert json.loads(unpadded(header))["alg"] == "RS256", "algorithm"
            self.check(unpadded(signature), f"{header}.{claims}".encode())
            claims = json.loads(unpadded(claims))
            assert claims["iss"] == EMAIL and claims["aud"] == self.token_uri, "issuer or audience"
            assert claims["scope"] in SCOPES, "scope"
            assert 0 < claims["exp"] - claims["iat"] <= 3600 and abs(claims["iat"] - time.time()) < 300, "times"
        except InvalidSignature:
            raise Refusal(400, "invalid_grant", "Invalid JWT Signature.") from None
        except (AssertionError, KeyError, ValueError) as error:
            raise Refusal(400, "invalid_grant", f"Invalid JWT: {error}") from None
        token = "ya29." + secrets.token_urlsafe(24)
        self.tokens[token] = time.time() + 3600
        return {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}

    def need(self, right):
        if right in self.denied:
            raise Refusal(403, "AccessDenied", f"{EMAIL} does not have {right} access to the Google Cloud Storage object.")

    def need_bucket(self, name):
        if name not in self.buckets:
            raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist.")

    # Objects: a file of their bytes and one of their resource, named by the hash of their name.

    def _at(self, bucket, name):
        digest = hashlib.sha256(f"{bucket}/{name}".encode()).hexdigest()
        return self.folder / "objects" / f"{digest}.json", self.folder / "objects" / f"{digest}.bin"

    def resource(self, bucket, name):
        about, _ = self._at(bucket, name)
        if not about.exists():
            raise Refusal(404, "NoSuchKey", f"No such object: {bucket}/{name}")
        return json.loads(about.read_text())

    def content(self, bucket, name):
        return self._at(bucket, name)[1].read_bytes()

    def exists(self, bucket, name):
        return self._at(bucket, name)[0].exists()

    def put(self, bucket, name, resource, content):
        if self.exists(bucket, name):
            self.need("storage.objects.delete")
        about, bytes_of = self._at(bucket, name)
        whole = {**resource, "name": name, "bucket": bucket, "size": str(len(content)), "etag": secrets.token_hex(6),
                 "generation": str(time.time_ns())}
        bytes_of.write_bytes(content)
        about.write_text(json.dumps(whole))
        return whole

    def delete(self, bucket, name):
        self.resource(bucket, name)
        for path in self._at(bucket, name):
            path.unlink()

    def names(self, bucket, prefix):
        all_of = (json.loads(path.read_text()) for path in (self.folder / "objects").glob("*.json"))
        return sorted(one["name"] for one in all_of if one["bucket"] == bucket and one["name"].startswith(prefix))

    # Uploads in parts.

    def begin(self, bucket, name, resource):
        upload_id = secrets.token_urlsafe(30)
        folder = self.folder / "uploads" / upload_id
        folder.mkdir()
        (folder / "about.json").write_text(json.dumps({"bucket": bucket, "name": name, "resource": resource}))
        return upload_id

    def upload(self, bucket, name, upload_id):
        folder = self.folder / "uploads" / pathlib.PurePath(upload_id).name
        about = json.loads((folder / "about.json").read_text()) if (folder / "about.json").exists() else {}
        if (about.get("bucket"), about.get("name")) != (bucket, name):
            raise Refusal(404, "NoSuchUpload", "The requested upload was not found.")
        return folder, about

    def finish(self, bucket, name, upload_id, body):
        import xml.etree.ElementTree as tree
        folder, about = self.upload(bucket, name, upload_id)
        listed = [(int(part.findtext("PartNumber")), part.findtext("ETag").strip('"')) for part in tree.fromstring(body)]
        if not listed or [number for number, _ in listed] != sorted({number for number, _ in listed}):
            raise Refusal(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
        content = b""
        for at, (number, etag) in enumerate(listed):
            path = folder / str(number)
            if not path.exists() or hashlib.md5(path.read_bytes()).hexdigest() != etag:
                raise Refusal(400, "InvalidPart", "One or more of the specified parts could not be found.")
            if path.stat().st_size < LEAST_PART and at + 1 < len(listed):
                raise Refusal(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum object size.")
            content += path.read_bytes()
        whole = self.put(bucket, name, about["resource"], content)
        self.abort(bucket, name, upload_id)
        return whole

    def abort(self, bucket, name, upload_id):
        folder, _ = self.upload(bucket, name, upload_id)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    def open_link(self, method, host, path, query):
        """For a V4 signed link: its query is good, or a Refusal."""
        given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        pairs = sorted(pair for pair in query.split("&") if not pair.startswith("X-Goog-Signature="))
        canonical = "\n".join([method, path, "&".join(pairs), f"host:{host}", "", "host", "UNSIGNED-PAYLOAD"])
        moment = given["X-Goog-Date"]
        scope = f"{moment[:8]}/auto/storage/goog4_request"
        to_sign = "\n".join(["GOOG4-RSA-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        try:
            assert given["X-Goog-Credential"] == f"{EMAIL}/{scope}" and given["X-Goog-SignedHeaders"] == "host"
            self.check(binascii.unhexlify(given["X-Goog-Signature"]), to_sign.encode())
        except (InvalidSignature, AssertionError, binascii.Error):
            raise Refusal(403, "SignatureDoesNotMatch", "Access denied.") from None
        begins = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
        if not 1 <= int(given["X-Goog-Expires"]) <= 604800:
            raise Refusal(400, "AuthenticationRequired", "X-Goog-Expires is not within a week.")
        if time.time() > begins + int(given["X-Goog-Expires"]):
            raise Refusal(403, "ExpiredToken", "The provided token has expired.")
        return given


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None

    def log_message(self, text, *arguments):
        print(text % arguments, flush=True)

    def answer(self, status, body=b"", kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, value, status=200):
        self.answer(status, json.dumps(value).encode())

    def refuse(self, refusal, is_json):
        if self.path == "/token":
            return self.answer_json({"error": refusal.code, "error_description": refusal.message}, refusal.status)
        if is_json:
            error = {"code": refusal.status, "message": refusal.message, "errors": [{"message": refusal.message}]}
            return self.answer_json({"error": error}, refusal.status)
        body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
        self.answer(refusal.status, body.encode(), "application/xml; charset=UTF-8")

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        is_json = url.path.startswith(("/storage/v1/", "/upload/storage/v1/"))
        try:
            with self.store.lock:
                if url.path == "/token":
                    form = dict(urllib.parse.parse_qsl(body.decode()))
                    return self.answer_json(self.store.issue(form))
                if "X-Goog-Signature" in query:
                    given = self.store.open_link(self.command, self.headers["Host"], url.path, url.query)
                    _, bucket, name = url.path.split("/", 2)
                    return self.give(bucket, urllib.parse.unquote(name), given)
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                if not token:
                    raise Refusal(403 if not is_json else 401, "AccessDenied", "Anonymous caller does not have access.")
                if self.store.tokens.get(token, 0) < time.time():
                    raise Refusal(401, "AuthenticationRequired", "Invalid Credentials")
                return self.json_api(url, query, body) if is_json else self.xml_api(url, query, body)
        except Refusal as refusal:
            self.refuse(refusal, is_json)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

    def give(self, bucket, name, given):
        self.store.need_bucket(bucket)
        about, content = self.store.resource(bucket, name), self.store.content(bucket, name)
        disposition = given.get("response-content-disposition") or about.get("contentDisposition", "inline")
        self.answer(200, content, given.get("response-content-type") or about["contentType"],
                    Content_Disposition=disposition, ETag=f'"{about["etag"]}"')

    def json_api(self, url, query, body):
        words = url.path.split("/")  # "", "upload"?, "storage", "v1", "b", BUCKET, "o", NAME
        words = words[2:] if words[1] == "upload" else words[1:]
        bucket, name = words[3], urllib.parse.unquote(words[5]) if len(words) > 5 else None
        self.store.need_bucket(bucket)
        if self.command == "POST":
            return self.put_whole(bucket, query, body)
        if name is None:
            self.store.need("storage.objects.list")
            names = self.store.names(bucket, query.get("prefix", ""))
            begin, count = int(query.get("pageToken", 0)), int(query.get("maxResults", 1000))
            page = {"kind": "storage#objects", "items": [{"name": one} for one in names[begin:begin + count]]}
            if begin + count < len(names):
                page["nextPageToken"] = str(begin + count)
            return self.answer_json(page)
        if self.command == "DELETE":
            self.store.need("storage.objects.delete")
            self.store.delete(bucket, name)
            return self.answer(204)
        self.store.need("storage.objects.get")
        about = self.store.resource(bucket, name)
        if query.get("alt") != "media":
            return self.answer_json(about)
        content = self.store.content(bucket, name)
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        if int(first) >= len(content):
            raise Refusal(416, "InvalidRange", "The requested range cannot be satisfied.")
        self.answer(206, content[int(first):int(last) + 1], about["contentType"])

    def put_whole(self, bucket, query, body):
        self.store.need("storage.objects.create")
        kind = self.headers["Content-Type"]
        if query.get("uploadType") != "multipart" or not kind.startswith("multipart/related; boundary="):
            raise Refusal(400, "InvalidArgument", "Unknown uploadType.")
        mark = b"--" + kind.split("boundary=")[1].encode()
        if not body.startswith(mark + b"\r\n") or not body.endswith(b"\r\n" + mark + b"--\r\n"):
            raise Refusal(400, "InvalidArgument", "Malformed multipart body.")
        about, media = body[len(mark) + 2:-len(mark) - 6].split(b"\r\n" + mark + b"\r\n", 1)
        resource = json.loads(about.split(b"\r\n\r\n", 1)[1])
        if query.get("ifGenerationMatch") == "0" and self.store.exists(bucket, query["name"]):
            raise Refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
        self.answer_json(self.store.put(bucket, query["name"], resource, media.split(b"\r\n\r\n", 1)[1]))

    def xml_api(self, url, query, body):
        _, bucket, name = url.path.split("/", 2)
        name = urllib.parse.unquote(name)
        self.store.need_bucket(bucket)
        if any(one in self.headers for one in ("x-goog-if-generation-match", "If-None-Match", "If-Match")):
            raise Refusal(400, "NotImplemented", "Preconditions are not supported in multipart uploads.")
        if self.command == "DELETE":
            self.store.need("storage.multipartUploads.abort")
            self.store.abort(bucket, name, query["uploadId"])
            return self.answer(204)
        self.store.need("storage.multipartUploads.create")
        if "uploads" in query:
            metadata = {key[12:].lower(): value for key, value in self.headers.items() if key.lower().startswith("x-goog-meta-")}
            upload_id = self.store.begin(bucket, name, {
                "contentType": self.headers["Content-Type"], "contentDisposition": self.headers["Content-Disposition"] or "inline",
                "metadata": metadata})
            body = f"<InitiateMultipartUploadResult><UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
            return self.answer(200, body.encode(), "application/xml; charset=UTF-8")
        if self.command == "PUT":
            folder, _ = self.store.upload(bucket, name, query["uploadId"])
            digest = hashlib.md5(body)
            if self.headers.get("Content-MD5", base64.b64encode(digest.digest()).decode()) != base64.b64encode(digest.digest()).decode():
                raise Refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
            (folder / str(int(query["partNumber"]))).write_bytes(body)
            return self.answer(200, b"", "text/html", ETag=f'"{digest.hexdigest()}"')
        whole = self.store.finish(bucket, name, query["uploadId"], body)
        answer = f'<CompleteMultipartUploadResult><ETag>"{whole["etag"]}"</ETag></CompleteMultipartUploadResult>'
        self.answer(200, answer.encode(), "application/xml; charset=UTF-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--bucket", action="append", default=[])
    parser.add_argument("--deny", action="append", default=[], help="a right, as storage.objects.list")
    options = parser.parse_args()
    Handler.store = Store(options)
    http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
