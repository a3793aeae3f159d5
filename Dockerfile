# docker build .                                  the CPU image
# docker build --build-arg VARIANT=gpu .          with CUDA, for NVIDIA GPUs
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-trixie AS packages
ARG VARIANT=cpu
# Without pip of its own: nothing is installed into it later.
RUN python -m venv --without-pip /venv
COPY requirements.txt requirements-gpu.txt /tmp/
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
COPY tools/slim.sh /tmp/
# Bytecode is compiled here and never checked again: the running container could not write it.
RUN case "$VARIANT" in \
        cpu) requirements=/tmp/requirements.txt ;; \
        gpu) requirements=/tmp/requirements-gpu.txt ;; \
        *) echo "VARIANT is $VARIANT; it must be cpu or gpu." >&2; exit 1 ;; \
    esac \
    && pip --python /venv/bin/python install --no-cache-dir --no-compile --only-binary :all: -r "$requirements" \
    && /tmp/slim.sh /venv \
    && /venv/bin/python -X no_debug_ranges -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib

# In a stage of its own, so that the image has each file once. Bytecode without columns is a quarter smaller: a traceback has its lines
# all the same.
FROM python:${PYTHON}-slim-trixie AS code
WORKDIR /app
COPY LICENSE app.py ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY lstmviz lstmviz
# Readable whatever the umask was where the repository was cloned.
RUN python -X no_debug_ranges -m compileall -q --invalidation-mode unchecked-hash /app && chmod -R a+rX /app \
    && mkdir /trained && mv lstmviz/examples/trained /trained/

FROM python:${PYTHON}-slim-trixie
RUN useradd --system --uid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin lstmviz
COPY --from=packages /venv /venv
# A hosted page trains no cells for strangers, unless its host wants it to: each takes a processor and 0.9 GB.
# Whatever TensorFlow, Keras and Streamlit want to write goes to /tmp, the one place that need not be read-only.
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    KERAS_HOME=/tmp/.keras \
    CUDA_CACHE_PATH=/tmp/.nv \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LSTMVIZ_TRAIN=0 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=8501 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE=true
WORKDIR /app
# Trained weights change rarely, and are two fifths of it: what is changed in the code moves them nowhere.
COPY --from=code /trained/trained /app/lstmviz/examples/trained
COPY --from=code /app /app
USER 10001
EXPOSE 8501
# Healthy is who can run a cell: TensorFlow is there and works.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client, os, sys; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); c = http.client.HTTPConnection('127.0.0.1', int(os.environ['STREAMLIT_SERVER_PORT']), timeout=4); c.request('GET', (f'/{base}' if base else '') + '/lstmviz/ready'); sys.exit(c.getresponse().read() != b'ready')"]
CMD ["streamlit", "run", "app.py"]
