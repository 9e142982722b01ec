//! Writes the seeds of every target to `corpus/`, where cargo-fuzz looks for them.

fn main() -> std::io::Result<()> {
    for (name, _) in targets::ALL {
        let directory = std::path::Path::new("corpus").join(name);
        std::fs::create_dir_all(&directory)?;
        let seeds = targets::seeds::of(name);
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{number}")), seed)?;
        }
        println!("{name}: {} seeds", seeds.len());
    }
    Ok(())
}
