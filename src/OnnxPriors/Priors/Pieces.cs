namespace OnnxPriors.Priors;

/// <summary>A stretch of a tensor that fits into a processor's cache with all its columns.</summary>
/// <param name="Tensor">The tensor's index.</param>
/// <param name="Start">The first element.</param>
/// <param name="Count">The number of elements.</param>
internal readonly record struct Piece(int Tensor, long Start, int Count);

/// <summary>
/// Cuts tensors into pieces and runs over them on all processors. A fault in a piece comes out as itself, and of several the one of the
/// first piece, so that messages do not depend on how the threads ran.
/// </summary>
internal static class Pieces
{
    /// <summary>The size of a piece in elements: large enough for efficient reading, small enough for the second-level cache.</summary>
    public const int Size = 8192;

    public static List<Piece> Of(IReadOnlyList<TensorShape> tensors)
    {
        var pieces = new List<Piece>();
        for (var tensor = 0; tensor < tensors.Count; tensor++)
            for (var start = 0L; start < tensors[tensor].Count; start += Size)
                pieces.Add(new Piece(tensor, start, (int)Math.Min(Size, tensors[tensor].Count - start)));
        return pieces;
    }

    /// <summary>Runs an action over all items; each thread has one buffer of the given length.</summary>
    public static void ForEach<T>(IReadOnlyList<T> items, int buffer, Action<T, float[]> action) =>
        ForEach(items, () => new float[buffer], (item, _, values) => action(item, values));

    /// <summary>Runs an action over all items with their index; each thread makes one workspace.</summary>
    public static void ForEach<T, TWorkspace>(IReadOnlyList<T> items, Func<TWorkspace> workspace, Action<T, int, TWorkspace> action)
    {
        var failures = new SortedDictionary<long, Exception>();
        Parallel.For(0, items.Count, workspace, (index, state, own) =>
        {
            try
            {
                action(items[index], index, own);
            }
#pragma warning disable CA1031 // What went wrong is thrown again below, on the caller's thread.
            catch (Exception error)
#pragma warning restore CA1031
            {
                lock (failures)
                    failures[index] = error;
                // Break, unlike Stop, still runs every earlier piece, which may hold an earlier fault.
                state.Break();
            }
            return own;
        }, _ => { });
        if (failures.Count > 0)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failures.First().Value);
    }
}
