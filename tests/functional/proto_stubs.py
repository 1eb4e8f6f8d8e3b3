"""Modules made from proto/ with grpcio-tools: what a Python user of the API has."""
import importlib
import pathlib
import sys

REPO = pathlib.Path(__file__).resolve().parent.parent.parent


class Stubs:
    """Made in `out` and imported. Each .proto's module is an attribute, and so is <service>_grpc of each service."""

    def __init__(self, out):
        from grpc_tools import protoc

        proto = REPO / "proto"
        # Health comes with grpcio-health-checking (grpc_health.v1).
        sources = [path for path in sorted(proto.rglob("*.proto")) if path.relative_to(proto).parts[0] != "grpc"]
        well_known = pathlib.Path(sys.modules["grpc_tools"].__file__).parent / "_proto"
        code = protoc.main(["protoc", f"-I{proto}", f"-I{well_known}", f"--python_out={out}",
                            f"--grpc_python_out={out}", *map(str, sources)])
        assert code == 0, f"protoc exited {code}"
        sys.path.insert(0, str(out))
        for source in sources:
            name = ".".join(source.relative_to(proto).with_suffix("").parts)
            setattr(self, source.stem, importlib.import_module(f"{name}_pb2"))
            if "service" in source.stem:
                setattr(self, f"{source.stem}_grpc", importlib.import_module(f"{name}_pb2_grpc"))
        self.pb = self.recommendation_service  # messages of the API
        self.Stub = self.recommendation_service_grpc.RecommendationServiceStub
