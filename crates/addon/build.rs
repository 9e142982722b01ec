//! Linker settings that a Node-API addon needs; nothing else happens at build time.

fn main() {
    napi_build::setup();
}
