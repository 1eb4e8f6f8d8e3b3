"""An operator of a server: its ModelService, with refusals as values."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import grpc

from model_bundles import MODEL
from proto_stubs import Stubs
from server_client import wait_until


def make_stubs(work_dir: pathlib.Path) -> Stubs:
    folder = work_dir / "stubs"
    folder.mkdir()
    return Stubs(folder)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """`version`: of the answer, None where the call was refused. `code`: "OK", "DATA_LOSS", … `reason`: of its ErrorInfo."""

    code: str
    reason: str = ""
    message: str = ""
    version: Any = None

    @property
    def ok(self) -> bool:
        return self.code == "OK"


class Operator:
    def __init__(self, stubs: Stubs, address: str):
        self.stubs, self.channel = stubs, grpc.insecure_channel(address)
        self.service = stubs.model_service_grpc.ModelServiceStub(self.channel)

    def close(self) -> None:
        self.channel.close()

    def start(self, method: str, version: int | None = None, **fields: Any) -> grpc.Future:
        """`method`: "LoadVersion", … Does not wait; `outcome` does."""
        if version is not None:
            fields["version"] = version
        request = getattr(self.stubs.model_service, f"{method}Request")(model=MODEL, **fields)
        return getattr(self.service, method).future(request, timeout=120)

    def outcome(self, call: grpc.Future) -> Outcome:
        try:
            answer = call.result()
        except grpc.RpcError as error:
            return Outcome(error.code().name, self._reason(error), error.details() or "")
        return Outcome("OK", version=getattr(answer, "version", None))

    def ask(self, method: str, version: int | None = None, **fields: Any) -> Outcome:
        return self.outcome(self.start(method, version, **fields))

    def _reason(self, error: grpc.RpcError) -> str:
        info = self.stubs.error_details.ErrorInfo()
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                for detail in self.stubs.status.Status.FromString(value).details:
                    if detail.Unpack(info):
                        return info.reason
        return ""

    def model(self) -> Any:
        return self.service.GetModel(self.stubs.model_service.GetModelRequest(model=MODEL), timeout=60).model

    def versions(self) -> dict[int, Any]:
        return {version.version: version for version in self.model().versions}

    def await_serving(self, version: int, seconds: float = 60) -> None:
        wait_until(lambda: self.model().serving_version == version, seconds, f"version {version} to serve")
