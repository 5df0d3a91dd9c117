// Functions that recurrent kernels share.

// ln(1 + e^x), without overflow and without loss for small e^x; exact above 20 to f32.
float softplus(float x) {
    if (x > 20)
        return x;
    float e = exp(x);
    return e < 1e-3 ? e * (1 - e * (0.5 - e / 3)) : log(1 + e);
}

// The bound keeps exp finite; sigmoid(-80) is 0 to every digit that matters.
float sigmoid(float x) { return 1 / (1 + exp(min(-x, 80))); }
float silu(float x) { return x * sigmoid(x); }
