namespace OnnxPriors.Data.Corruptions;

/// <summary>
/// The fifteen kinds of CIFAR-10-C (Hendrycks and Dietterich, 'Benchmarking neural network robustness to common corruptions and
/// perturbations', ICLR 2019), in the order of their paper.
/// </summary>
public enum CorruptionKind
{
    /// <summary>Normal noise on every value.</summary>
    GaussianNoise,
    /// <summary>The noise of counted light: Poisson.</summary>
    ShotNoise,
    /// <summary>Values that are black or white at random.</summary>
    ImpulseNoise,
    /// <summary>A disk of confusion.</summary>
    DefocusBlur,
    /// <summary>Pixels that change places with their neighbours.</summary>
    GlassBlur,
    /// <summary>A one-sided Gaussian along a random direction.</summary>
    MotionBlur,
    /// <summary>The mean of pictures ever more enlarged.</summary>
    ZoomBlur,
    /// <summary>Flakes that fall along a random direction.</summary>
    Snow,
    /// <summary>Ice on the lens. The original lays six photographs over the pictures; here the texture is generated.</summary>
    Frost,
    /// <summary>A plasma fractal of light.</summary>
    Fog,
    /// <summary>More of HSV's value.</summary>
    Brightness,
    /// <summary>Values nearer to their channel's mean.</summary>
    Contrast,
    /// <summary>A random affine map, then a smooth random displacement.</summary>
    ElasticTransform,
    /// <summary>Made smaller and larger again.</summary>
    Pixelate,
    /// <summary>Compressed as JPEG.</summary>
    JpegCompression,
}
