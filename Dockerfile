# SeisNAS in a container (docs/deploy.md, "In a container").  Targets:
#   seisnas   the default: everything of requirements.lock, portal guard, compiler
#   light     predict, pick and inspect: neither torch nor NNI nor Devito
#   tools     what the other two are built with, and the devcontainer: Python, compiler, git
#
# Build argument TORCH_INDEX: address of PyTorch's CPU wheel index.  Without it PyPI's torch is taken, which has CUDA.

FROM debian:bookworm-slim AS python
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 seisnas
ENV PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp/matplotlib PATH=/opt/seisnas/bin:$PATH

FROM python AS tools
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc git libc6-dev make python3-venv \
    && rm -rf /var/lib/apt/lists/*

FROM tools AS light-packages
COPY . /source
RUN python3 -m venv /opt/seisnas \
    && /opt/seisnas/bin/pip install --no-cache-dir -c /source/requirements.lock /source

FROM python AS light
COPY --from=light-packages /opt/seisnas /opt/seisnas
USER seisnas
WORKDIR /work
ENTRYPOINT ["seisnas"]
CMD ["--help"]

FROM tools AS packages
ARG TORCH_INDEX=
WORKDIR /seisnas
COPY requirements.lock ./
RUN python3 -m venv /opt/seisnas \
    && if [ -n "$TORCH_INDEX" ]; then \
        /opt/seisnas/bin/pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep ^torch== requirements.lock)"; \
    fi \
    && /opt/seisnas/bin/pip install --no-cache-dir -r requirements.lock
COPY . ./
RUN make env VENV=/opt/seisnas

FROM python AS seisnas
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY --from=packages /opt/seisnas /opt/seisnas
COPY --from=packages --chown=seisnas:seisnas /seisnas /seisnas
WORKDIR /seisnas
RUN mkdir -p data runs exports nni-experiments \
    && chown seisnas:seisnas . data runs exports nni-experiments
USER seisnas
VOLUME ["/seisnas/data", "/seisnas/runs", "/seisnas/exports", "/seisnas/nni-experiments"]
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
EXPOSE 8080
ENTRYPOINT ["seisnas"]
CMD ["--help"]
