# SPDX-License-Identifier: Apache-2.0
"""What comes into the ledger from the kernel's audit, what goes from it to other logs, and what it
forgets: the finished daemon and dsmilctl, from outside. auditd's own ausearch reads the samples, too."""
import http.server
import json
import os
import queue
import socket
import sqlite3
import subprocess
import threading
import unittest

import jsonschema
from support import BUILD, SOURCE, TIMEOUT_S, TestCase

DSMILCTL = os.path.join(BUILD, "tools/dsmilctl/dsmilctl")
SAMPLES = os.path.join(SOURCE, "tests/fuzz/corpus/audit")


def sample(name):
    with open(os.path.join(SAMPLES, name), "rb") as file:
        return file.read()


# Of POST /loki/api/v1/push, as Loki's reference of its HTTP API describes it: nanoseconds are text, and
# a label's name is one of Prometheus.
PUSH = {
    "type": "object", "required": ["streams"], "additionalProperties": False,
    "properties": {"streams": {"type": "array", "minItems": 1, "items": {
        "type": "object", "required": ["stream", "values"], "additionalProperties": False,
        "properties": {
            "stream": {"type": "object", "minProperties": 1, "maxProperties": 15,
                       "propertyNames": {"pattern": "^[a-zA-Z_:][a-zA-Z0-9_:]*$"},
                       "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 2048}},
            "values": {"type": "array", "minItems": 1, "items": {
                "type": "array", "minItems": 2, "maxItems": 2,
                "prefixItems": [{"type": "string", "pattern": "^[0-9]{19}$"}, {"type": "string"}]}},
        }}}},
}


class Loki:
    """Takes what is pushed if it keeps to the schema, or answers with the status that it is told."""

    def __init__(self, test):
        loki = self
        self.lines, self.status, self.asked = [], 204, queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                jsonschema.Draft202012Validator(PUSH).validate(body)
                if self.headers["Content-Type"] != "application/json" or self.path != "/loki/api/v1/push":
                    raise ValueError(self.path)  # hangs up, so that the sink is never current
                if loki.status == 204:
                    for stream in body["streams"]:
                        loki.lines += [(stream["stream"], json.loads(line)) for _, line in stream["values"]]
                self.send_response(loki.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                loki.asked.put(self.path)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)
        self.url = "http://127.0.0.1:{}/loki/api/v1/push".format(self.server.server_port)

    def records(self):
        """What came, by its number: a push has its records by stream."""
        return sorted((line for _, line in self.lines), key=lambda line: line["sequence"])


class Sources(TestCase):
    def ctl(self, daemon, *arguments):
        done = subprocess.run([DSMILCTL, "--json", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT_S, check=False, env={**os.environ, "DSMIL_SOCKET": daemon.socket})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def fallback_key(self):
        path = os.path.join(self.directory, "fallback.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path],
                       check=True, capture_output=True)
        os.chmod(path, 0o600)
        return path

    def until(self, daemon, done):
        """Asks again each time that there is a record, or a tenth of a second has gone."""
        for _ in range(TIMEOUT_S * 10):
            if done():
                return
            daemon.get("/v1/ledger/records?after=1000000&wait_ms=100")
        self.fail("it does not come to pass")

    def sink(self, daemon, name):
        return {sink["name"]: sink for sink in self.ctl(daemon, "audit", "sinks")[0]["sinks"]}[name]

    def test_what_auditd_saw_is_found_in_the_ledger(self):
        path = os.path.join(self.directory, "audispd_events")
        with socket.socket(socket.AF_UNIX) as plugin:
            plugin.bind(path)
            plugin.listen()
            daemon = self.dsmild(**{"ingest.audit_socket": path})
            peer, _ = plugin.accept()
            with peer:
                peer.sendall(b"type=USER_AUTH msg=audit(1.000:1): pid=1 uid=0 res=success\n")
                peer.sendall(sample("module") + sample("memory"))
                self.until(daemon, lambda: len(self.ctl(daemon, "audit", "search", "--source", "audit")) == 3)
        found = [line["record"] for line in self.ctl(daemon, "audit", "search", "--source", "audit")[:-1]]
        self.assertEqual([record["action"] for record in found], ["module_load", "memory_open"])
        self.assertEqual([line["record"]["sequence"] for line in self.ctl(daemon, "audit", "search", "--comm",
                                                                          "modprobe", "dsmil_dell")[:-1]],
                         [found[0]["sequence"]])
        shown = self.ctl(daemon, "audit", "show", str(found[1]["sequence"]))[0]["record"]
        self.assertEqual((shown["outcome"], shown["context"]["path"], shown["actor"]["uid"]),
                         ("failed", "/dev/mem", 1000))

    def test_ausearch_reads_the_samples_as_we_do(self):
        for name, words in (("module", "loaded-kernel-module dsmil_dell using /usr/bin/kmod"),
                            ("memory", "unsuccessfully opened-file /dev/mem using /usr/bin/dd")):
            with self.subTest(name):
                done = subprocess.run(["ausearch", "-if", os.path.join(SAMPLES, name), "--format", "text"],
                                      capture_output=True, check=True, timeout=TIMEOUT_S)
                self.assertIn(words, done.stdout.decode())

    def test_records_reach_the_other_logs_and_are_counted(self):
        loki = Loki(self)
        log, tiles, syslog = (os.path.join(self.directory, name) for name in ("log.json", "tiles", "syslog.sock"))
        os.mkdir(tiles)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(syslog)
            listening.settimeout(TIMEOUT_S)
            daemon = self.dsmild(**{"sinks.json_lines": log, "sinks.loki": loki.url, "sinks.syslog": syslog,
                                    "sinks.tiles": tiles, "tpm.fallback_key": self.fallback_key()})
            self.until(daemon, lambda: all(sink["state"] == "current" and sink["position"] > 0
                                           for sink in self.ctl(daemon, "audit", "sinks")[0]["sinks"]))
            self.assertIn("dsmil-ledger: {", listening.recv(65536).decode())
        records = daemon.get("/v1/ledger/records")["records"]
        with open(log, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(lines, records[:len(lines)])
        self.assertGreater(len(lines), 0)
        self.assertEqual(loki.records()[:len(lines)], lines[:len(loki.lines)])
        self.assertEqual(loki.lines[0][0]["origin"], "test.example/log")
        metrics = daemon.get("/v1/metrics").decode()
        self.assertIn('dsmil_sink_state{sink="loki",state="current"} 1', metrics)
        self.assertIn("dsmil_audit_lines_total 0", metrics)
        vkey = self.path("vkey", daemon.get("/v1/ledger/key")["vkey"].encode())
        self.assertEqual(daemon.stop(), 0)
        done = subprocess.run([DSMILCTL, "audit", "verify", tiles, "--key", vkey], capture_output=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_sink_that_says_no_is_failed_and_catches_up_later(self):
        loki = Loki(self)
        loki.status = 500
        daemon = self.dsmild(**{"sinks.loki": loki.url})
        loki.asked.get(timeout=TIMEOUT_S)
        self.until(daemon, lambda: self.sink(daemon, "loki")["state"] == "failed")
        self.assertIn("500", self.sink(daemon, "loki")["detail"])
        loki.status = 204
        self.until(daemon, lambda: self.sink(daemon, "loki")["state"] == "current")
        self.assertEqual([line["sequence"] for line in loki.records()], list(range(len(loki.lines))))
        self.assertEqual(daemon.stop(), 0)

    def test_a_sink_is_left_where_it_was_when_the_daemon_ends(self):
        log = os.path.join(self.directory, "log.json")
        daemon = self.dsmild(**{"sinks.json_lines": log})
        self.until(daemon, lambda: self.sink(daemon, "json_lines")["state"] == "current")
        self.assertEqual(daemon.stop(), 0)
        daemon.start()
        self.until(daemon, lambda: self.sink(daemon, "json_lines")["state"] == "current")
        self.assertEqual(daemon.stop(), 0)
        with open(log, encoding="utf-8") as file:
            numbers = [json.loads(line)["sequence"] for line in file]
        self.assertEqual(numbers, list(range(len(numbers))))

    def test_old_records_are_forgotten_and_the_rest_verifies(self):
        path = os.path.join(self.directory, "audispd_events")
        line = "type=CONFIG_CHANGE msg=audit(1000.000:{}): key=\"dsmil\"\n"
        with socket.socket(socket.AF_UNIX) as plugin:
            plugin.bind(path)
            plugin.listen()
            daemon = self.dsmild(**{"ingest.audit_socket": path, "tpm.fallback_key": self.fallback_key()})
            peer, _ = plugin.accept()
            with peer:
                peer.sendall("".join(line.format(n) for n in range(700)).encode())
                self.until(daemon, lambda: daemon.get("/v1/ledger/head")["size"] >= 700)
        self.until(daemon, lambda: "\n{}\n".format(daemon.get("/v1/ledger/head")["size"])
                   in (daemon.get("/v1/ledger/head")["checkpoint"] or ""))
        self.assertEqual(self.ctl(daemon, "audit", "prune", "--keep", "100")[0]["first"], 512)
        pruned = [line for line in self.ctl(daemon, "audit", "search", "--action", "pruned") if "record" in line]
        self.assertEqual(pruned[0]["record"]["values"]["first"], 512)
        self.assertEqual(pruned[0]["record"]["actor"]["uid"], os.getuid())
        copy = os.path.join(self.directory, "copy.db")
        self.ctl(daemon, "audit", "export", copy)
        vkey = self.path("vkey", daemon.get("/v1/ledger/key")["vkey"].encode())
        verify = [DSMILCTL, "audit", "verify", copy, "--key", vkey]
        done = subprocess.run(verify, capture_output=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"0 to 511 were pruned", done.stdout)
        with sqlite3.connect(copy) as ledger:
            ledger.execute("DELETE FROM records WHERE seq < 520")
        ledger.close()
        self.assertEqual(subprocess.run(verify, capture_output=True, timeout=TIMEOUT_S, check=False).returncode, 7)
        self.assertEqual(daemon.stop(), 0)
        daemon.start() # and it goes on with what is left
        self.assertEqual(daemon.get("/v1/ledger/head")["first"], 512)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
