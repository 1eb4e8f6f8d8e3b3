"""Answers that are known beforehand, by the digest of the bundle that gave them, and callers that hold a server to them."""

from __future__ import annotations

import threading
import time
from typing import Any

import grpc

from context import BenchError
from model_bundles import MODEL, SPACE
from proto_stubs import Stubs

Items = list[tuple[str, float]]
PAGE = 10
LIVE = 20  # users with a profile of their own, whose histories each version folds into its own vectors
KINDS = ("trained", "live", "batch", "similar")
DEADLINE_S = 30


class Known:
    """What each version answers to each question. `learn` it while the version is ready; users' profiles stay as they are."""

    def __init__(self, stubs: Stubs, address: str, users: int = 40):
        self.stubs = stubs
        self.answers: dict[str, dict[tuple[str, int], list[Items]]] = {}
        self.questions = [(kind, number) for kind in KINDS for number in range(LIVE if kind == "live" else users)]
        with grpc.insecure_channel(address) as channel:
            stub = stubs.Stub(channel)
            for user in range(LIVE):
                events = [stubs.event.Event(item_id=f"item-{(7 * user + step) % 60}") for step in range(1 + user % 5)]
                stub.UpdateProfile(stubs.pb.UpdateProfileRequest(user_id=f"live-{user}", events=events), timeout=DEADLINE_S)

    def learn(self, address: str, version: int) -> str:
        """The digest of the version, which must be ready at that server."""
        with grpc.insecure_channel(address) as channel:
            stub, answers, digests = self.stubs.Stub(channel), {}, set()
            for question in self.questions:
                digest, answers[question] = self.ask(stub, question, f"{MODEL}@{version}")
                digests |= digest
        if len(digests) != 1:
            raise BenchError(f"version {version} answered as {sorted(digests)}")
        digest, = digests
        self.answers[digest] = answers
        return digest

    def ask(self, stub: Any, question: tuple[str, int], model: str = "") -> tuple[set[str], list[Items]]:
        """The digests that the response names, and its lists. grpc.RpcError when the call fails."""
        kind, number = question
        pb = self.stubs.pb
        if kind == "similar":
            answers = [stub.SimilarItems(pb.SimilarItemsRequest(model=model, item_id=f"item-{number}", page_size=PAGE,
                                                                space=SPACE), timeout=DEADLINE_S)]
        elif kind == "batch":
            subjects = [pb.Subject(user_id=f"u{number + step}") for step in range(5)]
            batch = stub.BatchRecommend(pb.BatchRecommendRequest(
                subjects=subjects, request=pb.RecommendRequest(model=model, page_size=PAGE)), timeout=DEADLINE_S)
            answers = [result.response for result in batch.results]
        else:
            user = f"u{number}" if kind == "trained" else f"live-{number}"
            answers = [stub.Recommend(pb.RecommendRequest(model=model, subject=pb.Subject(user_id=user), page_size=PAGE),
                                      timeout=DEADLINE_S)]
        lists = [[(item.item_id, item.score) for item in answer.items] for answer in answers]
        return {answer.digest for answer in answers}, lists


class Checker(threading.Thread):
    """A caller that asks all the time, `pause_s` between calls, and compares. `wrong`: (when, what) of answers that are
    not, item by item and score by score, those of the one version that they name. Stopped by `stop`."""

    def __init__(self, known: Known, address: str, pause_s: float = 0.005):
        super().__init__(daemon=True)
        self.known, self.address, self.pause_s = known, address, pause_s
        self.over = threading.Event()
        self.asked, self.failed, self.wrong = 0, [], []
        self.digests: dict[str, float] = {}  # when each was seen last
        self.start()

    def run(self) -> None:
        with grpc.insecure_channel(self.address) as channel:
            stub = self.known.stubs.Stub(channel)
            while not self.over.is_set():
                for question in self.known.questions:
                    if self.over.wait(self.pause_s):
                        return
                    self.check(stub, question)

    def check(self, stub: Any, question: tuple[str, int]) -> None:
        begin = time.monotonic()
        self.asked += 1
        try:
            digests, lists = self.known.ask(stub, question)
        except grpc.RpcError as error:
            self.failed.append(f"{question}: {error.code().name}: {error.details()}")
            return
        now = time.monotonic()
        self.digests |= dict.fromkeys(digests, now)
        if len(digests) != 1:
            self.wrong.append((begin, f"{question}: one response of {sorted(digests)}"))
            return
        digest, = digests
        if lists != self.known.answers.get(digest, {}).get(question):
            self.wrong.append((begin, f"{question}: not what {digest} answers"))

    def stop(self) -> "Checker":
        self.over.set()
        self.join(DEADLINE_S + 10)
        return self
