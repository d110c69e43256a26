"""Whether traces are wanted, from `[telemetry]` and OpenTelemetry's standard variables.

Source of the variables: OpenTelemetry Environment Variable Specification and OTLP Exporter
Configuration. Those that only say how (headers, time limits, sampling) are the SDK's to read.
"""

from __future__ import annotations

from pathlib import Path

from mgit.config import telemetry_keys as keys
from mgit.config.environ import Environment
from mgit.config.resolve import Resolver
from mgit.config.settings import TelemetrySettings
from mgit.config.values import Unfit, Where, read_collector
from mgit.errors import ConfigurationError

_SIGNAL = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_DEFAULT = "http://localhost:4318"
_PATH = "/v1/traces"
_SPOKEN = "http/protobuf"


def read_telemetry(resolver: Resolver, environment: Environment) -> TelemetrySettings:
    """Where traces go and to whose trace they belong.

    Raises:
        ConfigurationError: an address that cannot be used, a protocol that mgit does not speak.
    """
    endpoint = _endpoint(resolver, environment)
    if endpoint is None:
        return TelemetrySettings()
    name = next((one for one in _PROTOCOLS if environment.given(one)), _PROTOCOLS[0])
    if environment.given(name) not in (None, _SPOKEN):
        raise ConfigurationError(
            f"{name} asks for a protocol that mgit does not speak",
            advice=f"set it to {_SPOKEN}; collectors mostly listen for that at port 4318",
        )
    return TelemetrySettings(endpoint, environment.given("TRACEPARENT") or "")


def _endpoint(resolver: Resolver, environment: Environment) -> str | None:
    base = resolver.find(keys.TRACES)
    exporters = (environment.given("OTEL_TRACES_EXPORTER") or "").split(",")
    off = (environment.given("OTEL_SDK_DISABLED") or "").lower() == "true"
    if off or "none" in exporters:
        return None
    exact = environment.given(_SIGNAL)
    if exact is not None:
        try:
            return read_collector(exact, Where(_SIGNAL, Path.cwd(), None))
        except Unfit as error:
            raise ConfigurationError(
                f"{_SIGNAL} must be {error}", advice="correct it, or unset it for no traces"
            ) from None
    if base is None and "otlp" in exporters:
        base = _DEFAULT
    return None if base is None else f"{base}{_PATH}"
