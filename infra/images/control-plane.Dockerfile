# The control plane of Sluice. Built from the top of the repository:
#   docker build -f infra/images/control-plane.Dockerfile -t sluice-control-plane .
# The build image has node, npm and a shell; the runtime image needs none of them, only glibc and libstdc++.
ARG BUILD_IMAGE=docker.io/library/node:22-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /sluice
COPY package.json package-lock.json .npmrc tsconfig.base.json ./
COPY shared/package.json shared/
COPY control-plane/package.json control-plane/
COPY data-plane/package.json data-plane/
COPY infra/local/package.json infra/local/
COPY terraform/provider/package.json terraform/provider/
COPY test/package.json test/
# Scripts of packages are not run, and nothing optional comes along: the embedded Postgres is for development.
RUN npm ci --ignore-scripts --no-progress --include-workspace-root -w shared -w control-plane
COPY shared shared
COPY control-plane control-plane
RUN node_modules/.bin/tsc -b control-plane \
 && npm ci --ignore-scripts --no-progress --omit=dev --omit=optional -w shared -w control-plane \
 && for part in shared control-plane; do rm -rf $part/src $part/proto $part/node_modules; done \
 && find shared control-plane node_modules -type f -name '*.d.ts' -exec rm {} + \
 && find shared control-plane node_modules -type f -name '*.map' -exec rm {} + \
 && rm -rf node_modules/@opentelemetry/*/build/esm node_modules/@opentelemetry/*/build/esnext \
 && mkdir -p /out/sluice/infra /out/data \
 && cp -r package.json node_modules /out/sluice/ \
 && for part in shared control-plane; do cp -r $part /out/sluice/$part; done

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sluice-control-plane" \
      org.opencontainers.image.description="control plane of Sluice, a multi-tenant Postgres connection pooler" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build --chown=0:0 /out/sluice /sluice
COPY LICENSE /sluice/
WORKDIR /sluice
# The only folder that is written to: the root file system may be read-only.
COPY --from=build --chown=65532:65532 /out/data /var/lib/sluice
ENV NODE_ENV=production SLUICE_ENV=production DATA_DIR=/var/lib/sluice
USER 65532:65532
EXPOSE 4000 4001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["/usr/local/bin/node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 4000) + '/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Without a shell and without an init: node is process 1 and handles SIGTERM itself.
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["control-plane/dist/main.js"]
