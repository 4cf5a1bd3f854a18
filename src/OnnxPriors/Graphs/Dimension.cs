using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace OnnxPriors.Graphs;

/// <summary>
/// The extent of one axis: a number, a polynomial in named sizes such as <c>batch</c> or <c>2*height + 1</c>, or unknown.
/// Two dimensions are equal only where both are known to be the same for every value of the names; an unknown one equals nothing
/// useful, so ask <see cref="IsKnown"/> first.
/// </summary>
/// <remarks>
/// Quotients that do not come out even become atoms with a canonical text (<c>floor((height + 1)/2)</c>), so that two branches which
/// halve the same height end with equal dimensions.
/// </remarks>
public readonly struct Dimension : IEquatable<Dimension>
{
    private const char Times = '·';

    // Real shapes need a handful; a hostile file could multiply sums without end. What is larger counts as unknown.
    private const int MaxTerms = 64;
    private const int MaxMonomial = 2_000;

    // Sorted by monomial; the constant term has the empty monomial. Default means unknown.
    private readonly ImmutableArray<Term> terms;

    private readonly record struct Term(string Monomial, long Coefficient);

    private Dimension(ImmutableArray<Term> terms) => this.terms = terms;

    /// <summary>A dimension nothing is known of.</summary>
    public static Dimension Unknown => default;

    /// <summary>A named size.</summary>
    /// <param name="name">The name, as <c>dim_param</c> in a file has it; an empty one is unknown.</param>
    public static Dimension Symbolic(string name) =>
        string.IsNullOrEmpty(name) ? Unknown : new([new Term(name.Replace(Times, '*'), 1)]);

    /// <summary>Whether anything is known: a number or an expression in names.</summary>
    public bool IsKnown => !terms.IsDefault;

    /// <summary>Whether the extent is a number.</summary>
    public bool IsStatic => IsKnown && (terms.Length == 0 || (terms.Length == 1 && terms[0].Monomial.Length == 0));

    /// <summary>The number, or null where it depends on a name or is unknown.</summary>
    public long? Value => !IsStatic ? null : terms.Length == 0 ? 0 : terms[0].Coefficient;

    /// <summary>The name, where the extent is exactly one named size.</summary>
    public string? Symbol =>
        IsKnown && terms.Length == 1 && terms[0].Coefficient == 1 && terms[0].Monomial.Length > 0 && !terms[0].Monomial.Contains(Times)
            ? terms[0].Monomial
            : null;

    /// <summary>A number as a dimension.</summary>
    /// <param name="value">The extent.</param>
    public static implicit operator Dimension(long value) =>
        new(value == 0 ? [] : [new Term("", value)]);

    /// <summary>The sum; unknown where either is.</summary>
    public static Dimension operator +(Dimension a, Dimension b) =>
        a.IsKnown && b.IsKnown ? Collect(a.terms.Concat(b.terms)) : Unknown;

    /// <summary>The difference; unknown where either is.</summary>
    public static Dimension operator -(Dimension a, Dimension b) => a + ((Dimension)(-1) * b);

    /// <summary>The product; unknown where either is, unless one is zero.</summary>
    public static Dimension operator *(Dimension a, Dimension b)
    {
        if (a.Value == 0 || b.Value == 0)
            return 0;
        if (!a.IsKnown || !b.IsKnown)
            return Unknown;
        return Collect(
            from x in a.terms
            from y in b.terms
            select new Term(Join(x.Monomial, y.Monomial), checked(x.Coefficient * y.Coefficient)));
    }

    /// <summary>The quotient where it comes out even for every value of the names, else null.</summary>
    /// <param name="divisor">A number or a single product of names, not zero.</param>
    public Dimension? DivideExactly(Dimension divisor)
    {
        if (!IsKnown || !divisor.IsKnown || divisor.terms.Length != 1)
            return null;
        var (monomial, coefficient) = divisor.terms[0];
        var quotient = new List<Term>(terms.Length);
        foreach (var term in terms)
        {
            // The one quotient that overflows.
            if (term.Coefficient == long.MinValue && coefficient == -1)
                return null;
            if (term.Coefficient % coefficient != 0 || Without(term.Monomial, monomial) is not { } rest)
                return null;
            quotient.Add(new Term(rest, term.Coefficient / coefficient));
        }
        return Collect(quotient);
    }

    /// <summary>The quotient rounded down.</summary>
    /// <param name="divisor">A positive number.</param>
    public Dimension FloorDivide(long divisor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(divisor);
        if (!IsKnown)
            return Unknown;
        if (Value is { } number)
            return (long)Math.Floor((decimal)number / divisor);
        // What is a whole multiple leaves the quotient, so that (2h − 1)/2 is h − 1 + floor(1/2) and equal extents have equal texts.
        var whole = Collect(terms.Select(t => t with { Coefficient = Floor(t.Coefficient) }));
        var rest = Collect(terms.Select(t => t with { Coefficient = t.Coefficient - Floor(t.Coefficient) * divisor }));
        return rest.IsStatic ? whole : whole + Symbolic(string.Create(CultureInfo.InvariantCulture, $"floor(({rest})/{divisor})"));

        long Floor(long coefficient) => (long)Math.Floor((decimal)coefficient / divisor);
    }

    /// <summary>The quotient rounded up.</summary>
    /// <param name="divisor">A positive number.</param>
    public Dimension CeilDivide(long divisor) => (this + (divisor - 1)).FloorDivide(divisor);

    /// <summary>The extent for given sizes of the names.</summary>
    /// <param name="sizes">The size of each name.</param>
    /// <returns>The same expression with what is given put in; names inside a rounded quotient stay.</returns>
    public Dimension Substitute(IReadOnlyDictionary<string, Dimension> sizes)
    {
        if (!IsKnown || IsStatic)
            return this;
        Dimension sum = 0;
        foreach (var term in terms)
        {
            Dimension product = term.Coefficient;
            foreach (var atom in term.Monomial.Split(Times, StringSplitOptions.RemoveEmptyEntries))
                product *= sizes.TryGetValue(atom, out var size) ? size : Symbolic(atom);
            sum += product;
        }
        return sum;
    }

    /// <inheritdoc/>
    public bool Equals(Dimension other) =>
        IsKnown && other.IsKnown ? terms.SequenceEqual(other.terms) : IsKnown == other.IsKnown;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Dimension other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        if (IsKnown)
            foreach (var term in terms)
                hash.Add(term);
        return hash.ToHashCode();
    }

    /// <summary>Whether both are known to be equal.</summary>
    public static bool operator ==(Dimension a, Dimension b) => a.Equals(b);

    /// <summary>Whether they are not known to be equal.</summary>
    public static bool operator !=(Dimension a, Dimension b) => !a.Equals(b);

    /// <summary>The number, the expression, or <c>?</c>.</summary>
    public override string ToString()
    {
        if (!IsKnown)
            return "?";
        if (terms.Length == 0)
            return "0";
        var text = new StringBuilder();
        // The constant sorts first and reads better last.
        foreach (var (monomial, coefficient) in terms.OrderBy(t => t.Monomial.Length == 0))
        {
            if (text.Length > 0)
                text.Append(coefficient < 0 ? " - " : " + ");
            else if (coefficient < 0)
                text.Append('-');
            var magnitude = (UInt128)Int128.Abs(coefficient);
            if (monomial.Length == 0 || magnitude != 1)
                text.Append(magnitude.ToString(CultureInfo.InvariantCulture));
            if (monomial.Length > 0)
                text.Append(magnitude != 1 ? "*" : "").Append(monomial.Replace(Times, '*'));
        }
        return text.ToString();
    }

    private static Dimension Collect(IEnumerable<Term> terms)
    {
        ImmutableArray<Term> all =
        [
            .. terms.GroupBy(t => t.Monomial, StringComparer.Ordinal)
                .Select(g => new Term(g.Key, g.Aggregate(0L, (sum, t) => checked(sum + t.Coefficient))))
                .Where(t => t.Coefficient != 0)
                .OrderBy(t => t.Monomial, StringComparer.Ordinal),
        ];
        return all.Length > MaxTerms || all.Any(t => t.Monomial.Length > MaxMonomial) ? Unknown : new(all);
    }

    private static string Join(string a, string b) =>
        a.Length == 0 ? b : b.Length == 0 ? a : string.Join(Times, a.Split(Times).Concat(b.Split(Times)).Order(StringComparer.Ordinal));

    private static string? Without(string monomial, string factor)
    {
        if (factor.Length == 0)
            return monomial;
        var atoms = monomial.Split(Times).ToList();
        foreach (var atom in factor.Split(Times))
            if (!atoms.Remove(atom))
                return null;
        return string.Join(Times, atoms);
    }
}
