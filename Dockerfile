# The same images as `make image`, for those who have a container daemon; not the same to the byte.
#   docker build --target iot-operator .
#   docker build --target iot-simulator .
#
# The base image is named by its full tag, which this tree cannot vouch for. Where images are released, pin what was looked
# at: `docker buildx imagetools inspect rust:1.95.0-bookworm` prints the digest to write behind the tag as @sha256:... .
# `make image` needs no base image at all.
FROM rust:1.95.0-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock rust-toolchain.toml ./
COPY .cargo .cargo
COPY simulator simulator
COPY tests tests
COPY src src
COPY examples examples
COPY benches benches
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
RUN cargo build --locked --profile image --target x86_64-unknown-linux-gnu --workspace --bins

FROM scratch AS iot-simulator
COPY --from=build /build/target/x86_64-unknown-linux-gnu/image/iot-simulator /iot-simulator
ENV IOT_SIMULATOR_LISTEN=0.0.0.0:8080
EXPOSE 8080
USER 65532:65532
ENTRYPOINT ["/iot-simulator"]

FROM scratch AS iot-operator
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/x86_64-unknown-linux-gnu/image/iot-operator /iot-operator
USER 65532:65532
EXPOSE 8080 8081
HEALTHCHECK CMD ["/iot-operator", "probe"]
ENTRYPOINT ["/iot-operator"]
CMD ["run"]
