namespace OnnxPriors.Priors;

/// <summary>How an update takes the prior's part of the gradient.</summary>
public enum PriorStep
{
    /// <summary>At the point before the update, like the data's: it follows a curvature up to about 2 over the learning rate, and diverges beyond.</summary>
    Plain,

    /// <summary>At the point after the update, by the prior's proximal map in closed form: stable whatever the curvature. For SGD.</summary>
    Proximal,
}
