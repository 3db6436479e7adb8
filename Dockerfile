# One image for every process of the Procfile; docker-compose.yml says which one a container runs.
# To hold it to the byte, append @sha256:… of the tag, as your registry shows it, here and in docker-compose.yml.
ARG PYTHON=python:3.12.12-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.lock /tmp/
# Wheels alone, so nothing is compiled; quotequail, plain Python, is published as source only.
RUN /venv/bin/pip install --require-hashes --only-binary :all: --no-binary quotequail -r /tmp/requirements.lock \
 && /venv/bin/pip uninstall --yes pip
COPY . /app
RUN printf '#!/venv/bin/python\nfrom sago.cli import main\n\nmain()\n' > /venv/bin/sago \
 && chmod 755 /venv/bin/sago \
 && /venv/bin/python -m compileall -q /app \
 && chmod -R a+rX /app
# The last line, because COPY keeps the modes of the checkout, which an umask of 077 makes unreadable to others.

FROM ${PYTHON}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin sago \
 && install -d -o sago -g sago /app/output/outreach /var/lib/sago \
 && install -d -o sago -g sago -m 1777 /var/lib/sago/run
# The last line: a container's second start gives the tmpfs there the mode of this folder.
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
USER sago
# Status 78 says that starting again cannot help; tini passes it on as 0, which `restart: on-failure` leaves alone.
ENTRYPOINT ["tini", "-e", "78", "--"]
CMD ["sago", "--help"]
