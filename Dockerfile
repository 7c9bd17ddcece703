# One image for `serve`, `poller`, `migrate` and `simulator`.
#
# The base is pinned by tag. A digest would pin it harder, but cannot be looked up where this file
# was written (no image registry is reached from there): add @sha256:... where you build.

# ---- build: a virtual environment, from the locked and hashed requirements -----------------------
FROM python:3.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1

WORKDIR /src
RUN python -m venv /opt/waybill

# Changes seldom, so it is a layer of its own.
COPY requirements-image.txt ./
RUN /opt/waybill/bin/python -m pip install --require-hashes --only-binary :all: -r requirements-image.txt

COPY pyproject.toml README.md ./
COPY app ./app
COPY migrations ./migrations
# Compiled now, because the running container may write nothing. What only installs goes last.
RUN /opt/waybill/bin/python -m pip install --no-deps --no-build-isolation . \
    && /opt/waybill/bin/python -m pip uninstall --yes setuptools pip \
    && python -m compileall -q /opt/waybill/lib

# ---- run: Python and the environment, nothing that builds ----------------------------------------
FROM python:3.13-slim-bookworm

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Waybill" \
      org.opencontainers.image.description="Keeps Walmart Marketplace in step with Adobe Commerce" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Proprietary"

ENV PATH=/opt/waybill/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

RUN groupadd --gid 10001 waybill \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin waybill

COPY --from=build /opt/waybill /opt/waybill

# By number, so that an orchestrator can see that it is not root. The folder is empty on purpose:
# a .env that happens to lie in the working folder is read.
USER 10001:10001
WORKDIR /opt/waybill
EXPOSE 8080
STOPSIGNAL SIGTERM

# For `serve`, and for `poller --port 8080`. The question must not go to a proxy that the
# environment names.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener as make; make(ProxyHandler({})).open('http://127.0.0.1:8080/livez', timeout=2)"]

ENTRYPOINT ["waybill"]
CMD ["serve", "--host", "0.0.0.0"]
