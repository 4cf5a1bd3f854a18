namespace OnnxPriors.Cli.Trials;

/// <summary>Student's t distribution (Student 1908).</summary>
internal static class StudentT
{
    // 1 … 10 degrees of freedom; any table.
    private static readonly double[] Table = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

    // The normal distribution's 97.5 % point.
    private const double Z = 1.959964;

    /// <summary>
    /// The 97.5 % point. Beyond ten degrees of freedom by the first three terms of its expansion about the normal one (Abramowitz and Stegun
    /// 26.7.5), which is right to 0.003 there.
    /// </summary>
    /// <param name="freedom">Degrees of freedom, at least 1.</param>
    public static double Quantile975(int freedom)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(freedom, 1);
        if (freedom <= Table.Length)
            return Table[freedom - 1];
        var (n, z3, z5) = ((double)freedom, Z * Z * Z, Z * Z * Z * Z * Z);
        return Z + ((z3 + Z) / (4 * n)) + (((5 * z5) + (16 * z3) + (3 * Z)) / (96 * n * n));
    }
}
