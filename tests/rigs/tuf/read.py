"""Reads a corpus with python-tuf: read.py CORPUS prints {"name": "verdict"} as JSON."""

import datetime
import hashlib
import json
import logging
import pathlib
import sys
import tempfile
import urllib.parse

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface


class Files(FetcherInterface):
    """Files as if a web server gave them."""

    def _fetch(self, url):
        path = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(url).path))
        if not path.is_file():
            raise DownloadHTTPError("not found", 404)
        return iter([path.read_bytes()])


def visit(repository, memory, root, path, time):
    updater = Updater(
        metadata_dir=str(memory),
        metadata_base_url=(repository / "metadata").as_uri(),
        target_base_url=(repository / "targets").as_uri(),
        fetcher=Files(),
        bootstrap=root,
    )
    updater._trusted_set.reference_time = time
    updater.refresh()
    target = updater.get_targetinfo(path)
    if target is None:
        return "refused"
    with tempfile.TemporaryDirectory() as folder:
        file = updater.download_target(target, str(pathlib.Path(folder) / "target"))
        return hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()


def judge(corpus, case):
    folder = corpus / case["name"]
    root = (folder / "root.json").read_bytes()
    verdict = "refused"
    with tempfile.TemporaryDirectory() as memory:
        for number, time in enumerate(case["times"], start=1):
            time = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
            try:
                verdict = visit(folder / str(number), pathlib.Path(memory), root, case["path"], time)
            except Exception as error:
                print(f"{case['name']} {number}: {type(error).__name__}: {error}", file=sys.stderr)
                verdict = "refused"
    return verdict


def main():
    logging.disable(logging.CRITICAL)
    corpus = pathlib.Path(sys.argv[1]).resolve()
    cases = json.loads((corpus / "cases.json").read_text())
    print(json.dumps({case["name"]: judge(corpus, case) for case in cases}))


main()
