"""Whether what stands here is what was signed: each part by itself, and all together."""
