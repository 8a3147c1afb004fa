// Computes in a generic function, a method and a closure, for a minute at the most.
use std::hint::black_box;
use std::time::{Duration, Instant};

struct Wheel<T> {
    value: T,
}

impl<T: Copy + std::ops::AddAssign> Wheel<T> {
    #[inline(never)]
    fn turn(&mut self, step: T, rounds: u32) {
        for _ in 0..rounds {
            self.value += black_box(step);
        }
    }
}

#[inline(never)]
fn repeat<F: FnMut(u32)>(mut work: F) {
    work(60_000);
}

fn main() {
    println!("ready");
    let begun = Instant::now();
    let (mut small, mut large) = (Wheel { value: 0.5f32 }, Wheel { value: 0u64 });
    while begun.elapsed() < Duration::from_secs(60) {
        small.turn(0.5, 60_000);
        repeat(|n| large.turn(3, n));
        repeat(|n| for i in 0..n { black_box(i); });
    }
}
