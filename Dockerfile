# The product as one image: the binary, its assets inside it, nothing else.
FROM node:22-bookworm-slim AS assets
WORKDIR /src
COPY broker/portal/assets.sh broker/portal/assets.sh
COPY broker/portal/static broker/portal/static
RUN sh broker/portal/assets.sh

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=assets /src/broker/portal/static broker/portal/static
# What "countersign version" says: there is no .git here to ask. git describe --always --dirty gives it.
ARG VERSION
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-X main.built=$VERSION" -o /out/countersign ./cmd/countersign

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 countersign && install -d -o countersign -m 0700 /keys && install -d -o countersign /files
COPY --from=build /out/countersign /usr/local/bin/countersign
# By number, so that a platform can see that it is not root. New volumes at /keys and /files take over those folders' owner.
USER 10001
ENTRYPOINT ["countersign"]
CMD ["serve"]
