# The bench, ready to certify a plugin that is mounted below /work; ci/certify-image builds it.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
COPY gpbackup_plugin_test certify /usr/local/bin/
ENV GPBACKUP_PLUGIN_BENCH=/usr/local/bin/gpbackup_plugin_test
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/certify"]
