pub fn play(_role: &str) {}
