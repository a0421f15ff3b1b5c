# stateward in a container: docker build -t stateward . && docker run -p 127.0.0.1:8080:8080 stateward
ARG BASE=debian:12-slim

FROM ${BASE} AS build
WORKDIR /stateward
COPY . .
RUN ./dev build

FROM ${BASE}
# Debian 12 moves these only to mend them, so no version is named.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libhiredis0.14 libjansson4 libmicrohttpd12 libpq5 libsqlite3-0 libssl3 libxxhash0 libzstd1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/stateward
COPY --from=build /stateward/build/stateward /usr/local/bin/stateward

# There are no tokens yet: whoever reaches the port may read, change and delete everything. The
# service refuses to listen beyond loopback unless STATEWARD_INSECURE says that this is known.
# Publish the port to trusted networks only.
ENV STATEWARD_LISTEN=0.0.0.0:8080 \
    STATEWARD_INSECURE=true \
    STATEWARD_PRIMARY=sqlite:/var/lib/stateward/stateward.db

USER 10001:10001
WORKDIR /var/lib/stateward
VOLUME /var/lib/stateward
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/stateward"]
CMD ["serve"]
