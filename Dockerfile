# syntax=docker/dockerfile:1
# One image per process: docker build --target ranking -t trommel/ranking .
# Every version comes from requirements/trommel.lock; only training-worker holds torch.
#
# PYTHON_IMAGE     the base; a release gives it by digest (python@sha256:...).
# TORCH_INDEX      training-worker alone: an extra package index with the build of torch that is wanted, such as the
#                  CPU build. Without it torch comes from the default index, with CUDA's libraries.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/trommel.lock requirements/trommel.lock
RUN python -m venv /venv && /venv/bin/python -m pip install -c requirements/trommel.lock pip setuptools wheel
# The installation needs the list of packages only: code is copied into the last stage, so that a change of code
# does not install anything again.
COPY pyproject.toml ./
COPY tools/image_requirements.py tools/image_requirements.py

FROM builder AS candidates-packages
RUN /venv/bin/python tools/image_requirements.py candidates > wanted.txt \
    && /venv/bin/python -m pip install -c requirements/trommel.lock -r wanted.txt

FROM builder AS ranking-packages
RUN /venv/bin/python tools/image_requirements.py ranking > wanted.txt \
    && /venv/bin/python -m pip install -c requirements/trommel.lock -r wanted.txt

FROM builder AS feedback-packages
RUN /venv/bin/python tools/image_requirements.py feedback > wanted.txt \
    && /venv/bin/python -m pip install -c requirements/trommel.lock -r wanted.txt

FROM builder AS training-api-packages
RUN /venv/bin/python tools/image_requirements.py training > wanted.txt \
    && /venv/bin/python -m pip install -c requirements/trommel.lock -r wanted.txt

FROM builder AS training-worker-packages
ARG TORCH_INDEX
RUN /venv/bin/python tools/image_requirements.py training-worker > wanted.txt \
    && /venv/bin/python -m pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} \
       -c requirements/trommel.lock -r wanted.txt

FROM builder AS migrate-packages
RUN /venv/bin/python tools/image_requirements.py migrate > wanted.txt \
    && /venv/bin/python -m pip install -c requirements/trommel.lock -r wanted.txt

# What all images share: a user without a name or a home, code that nobody in the image may write, /tmp as the only
# place to write to.
FROM ${PYTHON_IMAGE} AS runtime
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app:/app/protos PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1 \
    HOME=/tmp
WORKDIR /app
COPY services services
COPY protos protos
COPY model_repository model_repository
COPY LICENSE ./
USER 65532:65532

FROM runtime AS candidates
COPY --from=candidates-packages /venv /venv
ENV GRPC_ENABLE_FORK_SUPPORT=0 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
EXPOSE 7101 7111
ENTRYPOINT ["python", "-m", "services.candidates.server"]

FROM runtime AS ranking
COPY --from=ranking-packages /venv /venv
ENV GRPC_ENABLE_FORK_SUPPORT=0 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
EXPOSE 7102 7112
ENTRYPOINT ["python", "-m", "services.ranking.server"]

FROM runtime AS feedback
COPY --from=feedback-packages /venv /venv
ENV GRPC_ENABLE_FORK_SUPPORT=0 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
EXPOSE 7103 7113
ENTRYPOINT ["python", "-m", "services.feedback.server"]

FROM runtime AS training-api
COPY --from=training-api-packages /venv /venv
ENV GRPC_ENABLE_FORK_SUPPORT=0 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
EXPOSE 7104 7114
ENTRYPOINT ["python", "-m", "services.training.server"]

FROM runtime AS training-worker
COPY --from=training-worker-packages /venv /venv
EXPOSE 7115
ENTRYPOINT ["python", "-m", "celery", "-A", "services.training.worker", "worker", "--pool", "solo", "--concurrency", "1", "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]

FROM runtime AS migrate
COPY --from=migrate-packages /venv /venv
ENTRYPOINT ["python", "-m", "services.plumbing.migrate"]
