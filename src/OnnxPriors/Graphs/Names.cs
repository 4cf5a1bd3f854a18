using System.Globalization;

namespace OnnxPriors.Graphs;

/// <summary>The one place where names of values are made: each is given out once.</summary>
/// <param name="prefix">What all names begin with: those of a graph inside a node are to differ from the ones around it.</param>
internal sealed class Names(string prefix = "")
{
    private readonly Dictionary<string, int> taken = new(StringComparer.Ordinal);

    /// <summary>Whether a name is in use.</summary>
    public bool IsTaken(string name) => taken.ContainsKey(name);

    /// <summary>Takes the name wanted, or the first free one with a number behind it.</summary>
    public string Take(string wanted)
    {
        if (!wanted.StartsWith(prefix, StringComparison.Ordinal))
            wanted = prefix + wanted;
        if (taken.TryAdd(wanted, 1))
            return wanted;
        while (true)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{wanted}_{taken[wanted]++}");
            if (taken.TryAdd(name, 1))
                return name;
        }
    }

    /// <summary>Gives a name back.</summary>
    public void Release(string name) => taken.Remove(name);
}
