#!/usr/bin/env python3
"""Bills and logs in object storage, synced from servers that we did not write: S3 is moto, which checks
every signature and right; Azure Blob storage is Azurite, which does, too; Google Cloud Storage is a small
server here that speaks the documented JSON API and checks each token with the public key.

What a sync counts must be what `import` counts of the same files, after each of: a first sync, a second
one, a later delivery in the same objects, a later delivery in a folder of its own, a damaged object beside
good ones, and a sync that was killed in the middle.
"""

import base64
import csv
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import azure.storage.blob
import boto3
import product
import serving
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TESTDATA = product.ROOT / "crates" / "centinel-ingest" / "testdata"
TIME = ("2020-01-01", "2030-01-01")
ACCOUNT = "costs"
LOGS = 60
# Some files of the test data hold rows that are rejected on purpose.
SOME_REJECTED = (0, 3)


def bill(times: int = 1) -> list[list[str]]:
    """Header and rows of AWS's bill, without its damaged last row, at so many times the cost."""
    with (TESTDATA / "aws_cur_2_0.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    cost = header.index("line_item_unblended_cost")
    for row in rows[:-1]:
        row[cost] = str(Decimal(row[cost]) * times)
    return [header, *rows[:-1]]


def chunk(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return gzip.compress(text.getvalue().encode())


def invocations(number: int) -> bytes:
    """An object of Bedrock's log, with calls of its own."""
    lines = []
    for line in (TESTDATA / "bedrock" / "invocations.ndjson").read_text().splitlines()[:4]:
        record = json.loads(line)
        record["requestId"] = f"{record['requestId']}-{number}"
        lines.append(json.dumps(record))
    return gzip.compress("\n".join(lines).encode())


def totals(home: Path, folder: Path, files: dict[str, bytes], codes: tuple[int, ...] = (0,)) -> product.Spend:
    """What `import` counts of some files, in a home of its own."""
    folder.mkdir(parents=True)
    paths = []
    for number, (name, content) in enumerate(files.items()):
        paths.append(folder / f"{number}-{Path(name).name}")
        paths[-1].write_bytes(content)
    line = product.command(home, "import", *map(str, paths), "--source", "bucket")
    done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode not in codes:
        raise product.Failed(f"{line} gave {done.returncode}:\n{done.stdout}{done.stderr}")
    return spent(home)


def spent(home: Path) -> product.Spend:
    product.run(home, "ledger", "verify")
    answer = product.spend(home, "provider", *TIME)
    return product.Spend(answer.total, answer.rows, elapsed_ms=None)


def add(home: Path, place: str, credential: str, *more: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    key = home / "key"
    key.touch(mode=0o600)
    key.write_text(credential)
    line = ["sources", "add", "objects", "--name", "bucket", "--base-url", place, *more]
    product.run(home, *line, "--credential", "file:key")


def sync(home: Path, secret: str, codes: tuple[int, ...] = (0,)) -> dict:
    """A sync; gives what it says. No secret may be in it."""
    line = product.command(home, "--json", "sources", "sync")
    done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode not in codes:
        raise product.Failed(f"a sync gave {done.returncode}, not {codes}:\n{done.stdout}{done.stderr}")
    if secret in done.stdout + done.stderr:
        raise product.Failed("a sync printed the credential")
    return json.loads(done.stdout)["synced"][0]


def counts(synced: dict) -> tuple[int, int, int, int]:
    """Imported, unchanged, of earlier deliveries, failed."""
    objects = synced["objects"]
    return tuple(objects[name] for name in ("imported", "unchanged", "superseded", "failed"))


def no_secret_in(home: Path, secret: str) -> None:
    for name in product.files_below(home):
        if name != "key" and secret.encode() in (home / name).read_bytes():
            raise product.Failed(f"the credential is in {name}")


@contextmanager
def s3(work: Path):
    """moto: gives an S3 client without limits, its address, and the key of a user who may only read."""
    port, log = serving.free_port(), work / "moto.log"
    base = f"http://127.0.0.1:{port}"
    line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with serving.program(line, log) as process:
        serving.wait_for(f"{base}/moto-api/", process, log)
        known = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        iam, root = (boto3.client(name, endpoint_url=base, **known) for name in ("iam", "s3"))
        root.create_bucket(Bucket="bills", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        keys = {}
        for user, actions in {"reader": ["s3:ListBucket", "s3:GetObject"], "writer": ["s3:*"]}.items():
            iam.create_user(UserName=user)
            policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
            iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(policy))
            keys[user] = iam.create_access_key(UserName=user)["AccessKey"]
        # From here on every request is checked.
        headers = {"content-type": "text/plain"}
        urllib.request.urlopen(
            urllib.request.Request(f"{base}/moto-api/reset-auth", b"0", headers)
        ).close()
        key = keys["writer"]
        writer = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        yield boto3.client("s3", endpoint_url=base, region_name="eu-west-1", **writer), base, keys["reader"]


def aws(work: Path) -> None:
    with s3(work) as (client, base, key):
        put = lambda name, body: client.put_object(Bucket="bills", Key=name, Body=body)  # noqa: E731
        id, secret = key["AccessKeyId"], key["SecretAccessKey"]
        store = ("--user", id, "--option", f"endpoint={base}", "--option", "region=eu-west-1")
        header, *rows = bill()
        month = "cur/export/data/BILLING_PERIOD=2026-11"
        first = {"1.csv.gz": chunk([header, *rows[:6]]), "2.csv.gz": chunk([header, *rows[6:]])}
        put("cur/export/metadata/BILLING_PERIOD=2026-11/export-Manifest.json", b'{"dataFiles": []}')
        put("cur/export/", b"")
        put("cur-of-others/x.csv", b"not,ours\n1,2\n")
        for name, body in first.items():
            put(f"{month}/{name}", body)

        home = work / "aws"
        add(home, "s3://bills/cur", secret, *store)
        tested = json.loads(product.run(home, "--json", "sources", "test", "bucket"))
        if not any("AWS Cost and Usage Report" in check["detail"] for check in tested["checks"]):
            raise product.Failed(f"the test does not say what the object is: {tested}")
        product.equal("objects, first sync", counts(sync(home, secret)), (2, 0, 0, 0))
        expected = totals(work / "aws-1", work / "files-1", first)
        product.equal("spend of two chunks", spent(home), expected)
        product.equal("objects, second sync", counts(sync(home, secret)), (0, 2, 0, 0))
        product.equal("spend, second sync", spent(home), expected)
        serving.ok("an export in S3 is synced once, with signatures that moto checks")

        # The same objects, later: what they hold now, and nothing else.
        header, *rows = bill(times=2)
        later = {**first, "1.csv.gz": chunk([header, *rows[:6]])}
        put(f"{month}/1.csv.gz", later["1.csv.gz"])
        product.equal("objects, later delivery", counts(sync(home, secret)), (1, 1, 0, 0))
        product.equal("spend, later delivery", spent(home), totals(work / "aws-2", work / "files-2", later))
        # A later run in a folder of its own, in fewer chunks.
        run = {"1.csv.gz": chunk([header, *rows])}
        put(f"{month}/2026-11-20T00-run/1.csv.gz", run["1.csv.gz"])
        product.equal("objects, later run", counts(sync(home, secret)), (1, 0, 2, 0))
        expected = totals(work / "aws-3", work / "files-3", run)
        product.equal("spend, later run", spent(home), expected)
        serving.ok("a later delivery takes the place of the earlier one, in place and in a new folder")

        # One that cannot be read keeps nothing else out; Parquet of another month comes in.
        october = {"o.parquet": (TESTDATA / "focus_1_2.parquet").read_bytes()}
        put("cur/focus/broken.parquet", october["o.parquet"][:200])
        put("cur/focus/notes.csv", b"a note,another\nx,y\n")
        put("cur/focus/o.parquet", october["o.parquet"])
        synced = sync(home, secret, (3,))
        product.equal("objects, one damaged", (*counts(synced), synced["objects"]["passed_over"]), (1, 1, 2, 1, 1))
        if "cur/focus/broken.parquet" not in "".join(synced["reasons"]):
            raise product.Failed(f"the damaged object is not named: {synced}")
        product.equal("spend, one damaged", spent(home), totals(work / "aws-4", work / "files-4", {**run, **october}, SOME_REJECTED))
        product.equal("objects, damaged and unchanged", counts(sync(home, secret)), (0, 4, 2, 0))
        no_secret_in(home, secret)
        (home / "key").write_text("wrong" + secret[5:])
        line = product.command(home, "sources", "sync")
        refused = subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if refused.returncode != 1 or "SignatureDoesNotMatch" not in refused.stderr:
            raise product.Failed(f"a wrong key is not told: {refused.returncode} {refused.stderr}")
        serving.ok("a damaged object is named, the others are there; a wrong key is told")

        logs = {f"{number}.json.gz": invocations(number) for number in range(LOGS)}
        folder = "AWSLogs/1/BedrockModelInvocationLogs/eu-west-1/2026/11/03/14"
        for name, body in logs.items():
            put(f"{folder}/{name}", body)
        put(f"{folder}/data/1_input.json.gz", gzip.compress(b'{"messages": []}'))
        home = work / "killed"
        add(home, "s3://bills/AWSLogs/", secret, *store)
        hits = 0
        # Longer each time: the first is hit on any machine, the later ones further in.
        for number in range(1, 6):
            process = subprocess.Popen(
                product.command(home, "sources", "sync"),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(0.1 * number)
            process.send_signal(signal.SIGKILL)
            hits += process.wait() == -signal.SIGKILL
            product.run(home, "ledger", "verify")
        if hits == 0:
            raise product.Failed("no sync was hit")
        sync(home, secret)
        product.equal("calls of killed syncs", spent(home), totals(work / "aws-5", work / "files-5", logs))
        product.equal("objects after kills", counts(sync(home, secret)), (0, LOGS, 0, 0))
        serving.ok(f"{hits} syncs killed in the middle: the same calls as without")


def microsoft(work: Path) -> None:
    tools = product.tools_folder() / "node" / "node_modules" / ".bin"
    port, log = serving.free_port(), work / "azurite.log"
    secret = base64.b64encode(random.Random(7).randbytes(64)).decode()
    line = [str(tools / "node"), str(tools / "azurite-blob"), "--blobPort", str(port), "--location", str(work / "azurite")]
    line += ["--silent", "--skipApiVersionCheck"]
    env = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{secret}"}
    with serving.program(line, log, env) as process:
        base = f"http://127.0.0.1:{port}/{ACCOUNT}"
        wait_for_port(port, process, log)
        blob = azure.storage.blob
        service = blob.BlobServiceClient(base, credential={"account_name": ACCOUNT, "account_key": secret})
        service.create_container("exports")
        put = lambda name, body: service.get_blob_client("exports", name).upload_blob(body, overwrite=True)  # noqa: E731
        whole = (TESTDATA / "azure_actual.csv").read_bytes()
        lines = whole.splitlines(keepends=True)
        month = "a b/actual/20261101-20261130"
        put(f"{month}/202611100000/11111111-4c0e-4f0b-9d1f-3f5d2d1a7c11/part_0_0001.csv", b"".join(lines[:4]))
        put(f"{month}/202611100000/11111111-4c0e-4f0b-9d1f-3f5d2d1a7c11/manifest.json", b"{}")
        expected_part = totals(work / "az-1", work / "az-files-1", {"a.csv": b"".join(lines[:4])}, SOME_REJECTED)
        until = datetime.now(UTC) + timedelta(hours=1)
        token = blob.generate_container_sas(
            ACCOUNT, "exports", account_key=secret, permission="rl", expiry=until
        )
        for name, credential in (("shared-key", secret), ("sas", token)):
            home = work / name
            add(home, "az://exports/a b", credential, "--user", ACCOUNT, "--option", f"endpoint={base}")
            product.run(home, "sources", "test", "bucket")
            signature = urllib.parse.parse_qs(token)["sig"][0] if name == "sas" else secret
            product.equal(f"{name}, first sync", counts(sync(home, signature, SOME_REJECTED)), (1, 0, 0, 0))
            product.equal(f"{name}, spend", spent(home), expected_part)
        # The next day's run of the month, whole.
        put(f"{month}/202611110000/22222222-4c0e-4f0b-9d1f-3f5d2d1a7c11/part_0_0001.csv", whole)
        expected = totals(work / "az-2", work / "az-files-2", {"a.csv": whole}, SOME_REJECTED)
        for name in ("shared-key", "sas"):
            product.equal(f"{name}, next run", counts(sync(work / name, secret, SOME_REJECTED)), (1, 0, 1, 0))
            product.equal(f"{name}, spend of the next run", spent(work / name), expected)
            product.equal(f"{name}, again", counts(sync(work / name, secret)), (0, 1, 1, 0))
            no_secret_in(work / name, secret)
        serving.ok("exports in Azurite are synced with an account's key and with a shared access signature")


def wait_for_port(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + serving.READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise product.Failed(f"nothing answers at {port}:\n{log.read_text(errors='replace')[-4000:]}")


class Google(BaseHTTPRequestHandler):
    """`objects.list` and `objects.get` of the JSON API, one object a page."""

    objects: dict[str, tuple[bytes, int]] = {}
    public_key: rsa.RSAPublicKey

    def do_GET(self) -> None:
        asked = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(asked.query))
        if not self.is_known():
            self.answer(401, b'{"error": {"code": 401, "message": "Invalid Credentials"}}')
            return
        root = "/storage/v1/b/extracts/o"
        if asked.path == root:
            names = [name for name in sorted(self.objects) if name.startswith(query["prefix"])]
            start = int(query.get("pageToken", "0"))
            page = {"kind": "storage#objects", "items": [self.item(name) for name in names[start : start + 1]]}
            if start + 1 < len(names):
                page["nextPageToken"] = str(start + 1)
            self.answer(200, json.dumps(page).encode())
            return
        name = urllib.parse.unquote(asked.path.removeprefix(root + "/"))
        if "/" in asked.path.removeprefix(root + "/") or name not in self.objects or query != {"alt": "media"}:
            self.answer(404, b'{"error": {"code": 404, "message": "No such object"}}')
            return
        self.answer(200, self.objects[name][0])

    def item(self, name: str) -> dict[str, str]:
        body, generation = self.objects[name]
        updated = f"2026-11-05T12:00:{generation:02}.000Z"
        return {"name": name, "size": str(len(body)), "updated": updated, "generation": str(generation)}

    def is_known(self) -> bool:
        """RFC 7519 and AIP-4111: signed by the account's key, for reading objects, valid now."""
        try:
            token = self.headers["authorization"].removeprefix("Bearer ")
            text, signature = token.rsplit(".", 1)
            head, claims = (json.loads(unpadded(part)) for part in text.split("."))
            self.public_key.verify(unpadded(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except Exception:  # whatever is wrong with it, it is refused
            return False
        scope = "https://www.googleapis.com/auth/devstorage.read_only"
        is_valid = claims["iat"] - 60 < time.time() < claims["exp"] <= claims["iat"] + 3600
        names = claims["iss"] == claims["sub"] == "reader@p.iam.gserviceaccount.com"
        return is_valid and names and claims["scope"] == scope and head["kid"] == "k1" and head["alg"] == "RS256"

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def google(work: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    Google.public_key = private.public_key()
    account = {"type": "service_account", "client_email": "reader@p.iam.gserviceaccount.com",
               "private_key_id": "k1", "private_key": pem}  # fmt: skip
    secret = pem.splitlines()[3]
    # Without the last row, which is rejected on purpose.
    lines = (TESTDATA / "google_billing.ndjson").read_bytes().splitlines(keepends=True)[:-1]
    rows = b"".join(lines)
    vertex = (TESTDATA / "vertex" / "request_response.ndjson").read_bytes()
    Google.objects = {"x/bill-000000000000.json.gz": (gzip.compress(rows), 1), "x/vertex é.json": (vertex, 2)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Google)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    home = work / "google"
    add(home, "gs://extracts/x/", json.dumps(account), "--option", f"endpoint={base}")
    product.run(home, "sources", "test", "bucket")
    product.equal("google, first sync", counts(sync(home, secret, SOME_REJECTED)), (2, 0, 0, 0))
    files = {"b.json": rows, "v.json": vertex}
    expected = totals(work / "gs-1", work / "gs-files-1", files, SOME_REJECTED)
    product.equal("google, spend", spent(home), expected)
    product.equal("google, again", counts(sync(home, secret)), (0, 2, 0, 0))
    Google.objects["x/bill-000000000000.json.gz"] = (gzip.compress(b"".join(lines[:-1])), 3)
    product.equal("google, later delivery", counts(sync(home, secret, SOME_REJECTED)), (1, 1, 0, 0))
    files["b.json"] = b"".join(lines[:-1])
    product.equal("google, later spend", spent(home), totals(work / "gs-2", work / "gs-files-2", files, SOME_REJECTED))
    no_secret_in(home, secret)
    server.shutdown()
    serving.ok("extracts in Cloud Storage are synced with a token that the service account signs")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        aws(work)
        microsoft(work)
        google(work)


if __name__ == "__main__":
    try:
        main()
    except product.Failed as failure:
        sys.exit(f"FAILED {failure}")
