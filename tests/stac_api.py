"""A STAC API on loopback whose answers a test decides, and the items it has."""

import json
import threading
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shapely.geometry import box, mapping, shape

from changedetect.catalog.api import StacApi
from changedetect.catalog.named import api_catalog
from changedetect.catalog.wire import Patience
from changedetect.model import Window

KEYS = ("blue", "green", "red", "nir", "nir08", "swir16", "swir22", "scl")
SITE = box(24.4, 46.4, 24.5, 46.5)
JUNE = Window(start=date(2023, 6, 1), end=date(2023, 6, 30))
HASTY = Patience(tries=3, first_wait_s=0.01, longest_wait_s=0.2, connect_timeout_s=2, answer_timeout_s=0.3)


def item(
    name, *, day=1, month=6, west=24.0, tile="35TKM", collection="sentinel-2-l2a", home="https://data.example", **more
):
    ground = box(west, 46.0, west + 1, 47.0)
    told = {
        "datetime": f"2023-{month:02d}-{day:02d}T09:26:01Z",
        "platform": "sentinel-2a",
        "s2:processing_baseline": "05.09",
        "grid:code": f"MGRS-{tile}",
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "collection": collection,
        "geometry": mapping(ground),
        "bbox": list(ground.bounds),
        "properties": told | {key.replace("__", ":"): value for key, value in more.items()},
        "assets": {key: {"href": f"{home}/{name}/{key}.tif"} for key in KEYS},
        "links": [],
    }


def ids(scenes):
    return [scene.scene_id for scene in scenes]


class Api:
    """A STAC API on loopback whose answers a test decides; by default it honours what it is asked, 10 items a page."""

    def __init__(self, items=(), *, page=10, search=None, methods=("POST", "GET"), landing=None):
        self.items, self.page, self.methods, self.landing = list(items), page, methods, landing
        self.search = search or self.honest
        self.asked = []
        self.files = {}
        self.busy = self.peak = 0
        self.lock = threading.Lock()

    def honest(self, asked):
        found = [one for one in self.items if not asked.get("collections") or one["collection"] in asked["collections"]]
        start, end = asked["datetime"].split("/")
        found = [one for one in found if start <= one["properties"]["datetime"] <= end]
        ground = shape(asked["intersects"])
        return self.paged([one for one in found if shape(one["geometry"]).intersects(ground)], asked)

    def paged(self, found, asked):
        skip = asked.get("skip", 0)
        link = {
            "rel": "next",
            "method": "POST",
            "href": f"{self.url}/search",
            "body": {**asked, "skip": skip + self.page},
        }
        links = [link] if skip + self.page < len(found) else []
        return {"type": "FeatureCollection", "features": found[skip : skip + self.page], "links": links}

    def answer(self, method, path, body):
        """Give status, headers and content (JSON, or text as it is)."""
        parts = urlsplit(path)
        if parts.path in self.files:
            return 200, {}, self.files[parts.path]
        if parts.path == "/":
            links = [
                {"rel": "search", "href": f"{self.url}/search"},
                {"rel": "data", "href": f"{self.url}/collections"},
            ]
            return self.landing or (
                200,
                {},
                {"type": "Catalog", "id": "made-up", "stac_version": "1.0.0", "links": links},
            )
        if parts.path == "/search" and method not in self.methods:
            return 405, {}, {"description": "method not allowed"}
        if parts.path == "/search":
            asked = (
                json.loads(body) if method == "POST" else {key: one[0] for key, one in parse_qs(parts.query).items()}
            )
            self.asked.append(asked)
            answer = self.search(asked)
            return answer if isinstance(answer, tuple) else (200, {}, answer)
        return 404, {}, {"description": "nothing here"}

    @property
    def windows(self):
        return [f"{start[:10]}/{end[:10]}" for start, end in (one["datetime"].split("/") for one in self.asked)]


@contextmanager
def serving(api):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with api.lock:
                api.busy += 1
                api.peak = max(api.peak, api.busy)
            try:
                status, headers, content = api.answer(self.command, self.path, body)
            finally:
                with api.lock:
                    api.busy -= 1
            text = content if isinstance(content, str) else json.dumps(content)
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text.encode())), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())
            except ConnectionError:
                self.close_connection = True  # the client did not wait

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def searched(api, *collections, name=""):
    return api_catalog(StacApi(api.url, name=name, patience=HASTY), collections)
