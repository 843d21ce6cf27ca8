# aircheck's image, in livekit/egress's place: same variables (EGRESS_CONFIG_FILE, EGRESS_CONFIG_BODY), same
# user and group numbers, /out for local files. docs/deployment.md.
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY tools/bootstrap tools/bootstrap
RUN tools/bootstrap build package
COPY . .
RUN make package

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="aircheck" \
      org.opencontainers.image.description="recorder of conversations in LiveKit rooms" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"
# Group 0 may write as the user may: OpenShift gives each namespace a user number of its own.
RUN useradd --uid 1001 --gid 0 --no-log-init --no-create-home --home-dir /var/lib/aircheck \
        --shell /usr/sbin/nologin aircheck \
    && install -d -m 0770 -o 1001 -g 0 /var/lib/aircheck /out
# The package brings the libraries it was linked with. Slim images leave documentation out by themselves.
RUN --mount=type=bind,from=build,source=/src/build/package,target=/package \
    apt-get update \
    && apt-get install --yes --no-install-recommends /package/aircheck_*.deb \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/image/healthcheck /usr/local/bin/healthcheck
# The image's own defaults, which lose against every file and variable.
COPY deploy/image/defaults.env /usr/share/aircheck/.env
WORKDIR /usr/share/aircheck
USER 1001:0
EXPOSE 7990
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["healthcheck"]
ENTRYPOINT ["/usr/bin/aircheck"]
CMD ["serve"]
