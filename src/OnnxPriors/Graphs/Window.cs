namespace OnnxPriors.Graphs;

/// <summary>
/// How a window slides over spatial axes: the attributes that Conv, ConvTranspose and pooling share in the ONNX specification,
/// with their defaults.
/// </summary>
/// <param name="Strides">The step along each axis.</param>
/// <param name="Dilations">The distance of a kernel's neighbours along each axis.</param>
/// <param name="Pads">What is added before each axis, then what is added after each; zeros where <paramref name="IsSame"/>.</param>
/// <param name="IsSame">Whether <c>auto_pad</c> asks for as many outputs as inputs over the stride.</param>
/// <param name="PadsLower">With <paramref name="IsSame"/>, whether an odd rest goes before (SAME_LOWER) and not after.</param>
/// <param name="CeilMode">Whether a last window that hangs over the end counts.</param>
public sealed record Window(long[] Strides, long[] Dilations, long[] Pads, bool IsSame, bool PadsLower, bool CeilMode)
{
    /// <summary>Reads the attributes.</summary>
    /// <param name="attributes">A node's attributes.</param>
    /// <param name="axes">The number of spatial axes.</param>
    /// <exception cref="GraphException">A list has another length, a stride or dilation is not positive, or auto_pad is unknown.</exception>
    public static Window Read(Attributes attributes, int axes)
    {
        ArgumentNullException.ThrowIfNull(attributes);
        var autoPad = attributes.String("auto_pad", "NOTSET");
        if (autoPad is not ("NOTSET" or "" or "VALID" or "SAME_UPPER" or "SAME_LOWER"))
            throw new GraphException($"auto_pad is '{autoPad}', which the specification does not know.");
        var same = autoPad.StartsWith("SAME", StringComparison.Ordinal);
        var pads = autoPad is "NOTSET" or "" ? attributes.Ints("pads") : null;
        var window = new Window(
            attributes.Ints("strides") ?? Filled(axes, 1),
            attributes.Ints("dilations") ?? Filled(axes, 1),
            pads ?? Filled(2 * axes, 0),
            same,
            autoPad == "SAME_LOWER",
            attributes.Flag("ceil_mode"));
        if (window.Strides.Length != axes || window.Dilations.Length != axes || window.Pads.Length != 2 * axes)
            throw new GraphException($"strides, dilations and pads do not fit {axes} spatial axes.");
        if (window.Strides.Any(s => s <= 0) || window.Dilations.Any(d => d <= 0))
            throw new GraphException("strides and dilations must be positive.");
        return window;
    }

    /// <summary>The number of places of the window along an axis.</summary>
    /// <param name="axis">The spatial axis, from 0.</param>
    /// <param name="input">The input's extent there.</param>
    /// <param name="kernel">The kernel's extent there.</param>
    public Dimension Output(int axis, Dimension input, Dimension kernel)
    {
        if (IsSame)
            return input.CeilDivide(Strides[axis]);
        var before = Pads[axis];
        var span = (kernel - 1) * Dilations[axis] + 1;
        var room = input + (before + Pads[axis + Strides.Length] - span);
        if (!CeilMode)
            return room.FloorDivide(Strides[axis]) + 1;
        var places = room.CeilDivide(Strides[axis]) + 1;
        // A window that would start in the padding behind the end does not count.
        return places.Value is { } n && input.Value is { } length && (n - 1) * Strides[axis] >= length + before ? places - 1 : places;
    }

    /// <summary>The padding before and after an axis of known extent, with auto_pad worked out.</summary>
    /// <param name="axis">The spatial axis, from 0.</param>
    /// <param name="input">The input's extent there.</param>
    /// <param name="kernel">The kernel's extent there.</param>
    public (long Before, long After) Padding(int axis, long input, long kernel)
    {
        if (!IsSame)
            return (Pads[axis], Pads[axis + Strides.Length]);
        var span = (kernel - 1) * Dilations[axis] + 1;
        var places = (input + Strides[axis] - 1) / Strides[axis];
        var total = Math.Max(0, (places - 1) * Strides[axis] + span - input);
        return PadsLower ? (total - total / 2, total / 2) : (total / 2, total - total / 2);
    }

    private static long[] Filled(int count, long value)
    {
        var all = new long[count];
        Array.Fill(all, value);
        return all;
    }
}
