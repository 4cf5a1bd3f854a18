namespace OnnxPriors.Priors;

/// <summary>What the numbers of a posterior mean: how D and W of Σ = D + WWᵀ were made. A prior file says it as its <c>normalisation</c>.</summary>
public enum PosteriorForm
{
    /// <summary>SWAG: D = ½ · variance, W the last K deviations from the running mean / √(2(K − 1)).</summary>
    Swag,

    /// <summary>SWAG, its factor compressed: D = ½ · variance, W the best approximation of rank K to deviations / √(2(N − 1)), largest column first.</summary>
    SwagPrincipal,

    /// <summary>SWAG-Diagonal: D = variance, no factor.</summary>
    SwagDiagonal,

    /// <summary>Laplace with a diagonal curvature: D = 1/(N·curvature + τ), no factor.</summary>
    Laplace,

    /// <summary>As the paper's code takes it, without SWAG's ½: D = variance, W = deviations / √(K − 1).</summary>
    Unhalved,
}

/// <summary>The words of each form.</summary>
public static class PosteriorForms
{
    private static readonly string[] Texts =
    [
        "sigma=diagonal+factor*factor^T; diagonal=variance/2; factor=deviation/sqrt(2(K-1))",
        "sigma=diagonal+factor*factor^T; diagonal=variance/2; factor=principal(deviation/sqrt(2(N-1)))",
        "sigma=diagonal; diagonal=variance",
        "sigma=diagonal; diagonal=1/(N*curvature+tau)",
        "sigma=diagonal+factor*factor^T; diagonal=variance; factor=deviation/sqrt(K-1)",
    ];

    /// <summary>What a file's metadata says of a form.</summary>
    public static string Normalisation(this PosteriorForm form) => Texts[(int)form];

    /// <summary>The form that a text stands for, or null.</summary>
    internal static PosteriorForm? Parse(string text) => Array.IndexOf(Texts, text) is >= 0 and var at ? (PosteriorForm)at : null;

    /// <summary>All texts that this library reads.</summary>
    internal static string All => string.Join("', '", Texts);

    /// <summary>Whether the columns are single deviations divided by √(K − 1), so that K − 1 must not vanish and n columns stand for all.</summary>
    internal static bool HasDeviations(this PosteriorForm form) => form is PosteriorForm.Swag or PosteriorForm.Unhalved;

    /// <summary>Whether a rank can be in a form.</summary>
    internal static bool Allows(this PosteriorForm form, int rank) => form switch
    {
        PosteriorForm.SwagDiagonal or PosteriorForm.Laplace => rank == 0,
        PosteriorForm.SwagPrincipal => rank >= 0,
        _ => rank is 0 or >= 2,
    };
}
