namespace OnnxPriors.Runtime.Steps;

/// <summary>The prior's energy summed in float64 on the host, for what is shown and compared; the update model's own is float32.</summary>
internal static class PriorSums
{
    /// <summary>½(Σ aδ² − ‖Bᵀδ‖²) with δ = θ − μ.</summary>
    /// <param name="theta">θ [P].</param>
    /// <param name="prior">μ [P], a [P] and B [K, P] one after the other.</param>
    /// <param name="rank">K.</param>
    public static double Energy(ReadOnlySpan<float> theta, FlatBuffer prior, int rank)
    {
        var length = theta.Length;
        var mean = prior.Slice(0, length);
        var precision = prior.Slice(length, length);
        var sum = 0.0;
        for (var i = 0; i < length; i++)
        {
            var delta = (double)theta[i] - mean[i];
            sum += precision[i] * delta * delta;
        }
        for (var k = 0; k < rank; k++)
        {
            var row = prior.Slice((2L + k) * length, length);
            var product = 0.0;
            for (var i = 0; i < length; i++)
                product += row[i] * ((double)theta[i] - mean[i]);
            sum -= product * product;
        }
        return sum / 2;
    }
}
