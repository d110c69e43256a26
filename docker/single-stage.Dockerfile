# For comparison only, never published: the same mgit as most people would package it, in one stage.
# `nox -s image-size` builds and measures it beside the real image. Two targets: `usual` installs as
# apt does by itself; `careful` takes no recommended packages and leaves no caches behind.
# Both run as the same user, with the same settings, health check and command.

ARG BASE=debian:trixie-slim

FROM ${BASE} AS usual
ARG TOOLS_ID
ARG TARGETARCH
# Behind a proxy that opens TLS, its authority comes as a secret; apt is only told where it will be.
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then \
        echo 'Acquire::https::CAInfo "/run/ca.pem";' > /etc/apt/apt.conf.d/90ca; \
    fi \
    && apt-get -qq -o Acquire::Retries=3 update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 install --yes \
        ca-certificates git openssh-client python3 python3-pip
COPY wheels/${TARGETARCH} /tmp/wheels
RUN pip install --quiet --no-cache-dir --no-index --no-deps --break-system-packages /tmp/wheels/*.whl
RUN useradd --uid 65532 --create-home mgit && install -d -o mgit -g mgit /data
ENV MGIT_CONFIG=/etc/mgit/config.toml \
    MGIT_LISTEN=0.0.0.0:8080 \
    MGIT_LOG_FORMAT=json \
    MGIT_ROOT=/data \
    MGIT_STATE_DIR=/data/.mgit/state
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["mgit", "health"]
ENTRYPOINT ["/usr/local/bin/mgit"]
CMD ["serve"]

FROM ${BASE} AS careful
ARG TOOLS_ID
ARG TARGETARCH
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    --mount=type=bind,source=wheels,target=/tmp/wheels \
    if [ -s /run/ca.pem ]; then \
        echo 'Acquire::https::CAInfo "/run/ca.pem";' > /etc/apt/apt.conf.d/90ca; \
    fi \
    && apt-get -qq -o Acquire::Retries=3 update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 install --yes \
        --no-install-recommends ca-certificates git openssh-client python3 python3-pip \
    && pip install --quiet --no-cache-dir --no-index --no-deps --break-system-packages \
        "/tmp/wheels/${TARGETARCH}"/*.whl \
    && useradd --uid 65532 --create-home mgit && install -d -o mgit -g mgit /data \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* \
        /etc/apt/apt.conf.d/90ca /root/.cache
ENV MGIT_CONFIG=/etc/mgit/config.toml \
    MGIT_LISTEN=0.0.0.0:8080 \
    MGIT_LOG_FORMAT=json \
    MGIT_ROOT=/data \
    MGIT_STATE_DIR=/data/.mgit/state
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["mgit", "health"]
ENTRYPOINT ["/usr/local/bin/mgit"]
CMD ["serve"]
