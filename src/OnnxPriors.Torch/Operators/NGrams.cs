using static TorchSharp.torch;

namespace OnnxPriors.Torch.Operators;

/// <summary>TfIdfVectorizer of whole numbers [C] or [N, C] → [places] or [N, places]: how often each n-gram of a pool occurs.</summary>
internal static class NGrams
{
    public static OperatorTable Table { get; } = new()
    {
        { "TfIdfVectorizer", Count },
    };

    private static Tensor Count(Call call)
    {
        var attributes = call.Attributes;
        long shortest = attributes.Int("min_gram_length", 1), longest = attributes.Int("max_gram_length", 1), skips = attributes.Int("max_skip_count");
        long[] places = attributes.Ints("ngram_indexes") ?? throw call.Unsupported("a node without ngram_indexes");
        var pool = Pool(call, places, shortest, longest);
        var x = call[0];
        long[] words = call.Integers(0);
        int length = (int)x.shape[^1], rows = x.dim() == 1 ? 1 : (int)x.shape[0], width = (int)places.Max() + 1;
        var counts = new float[rows * width];
        for (var row = 0; row < rows; row++)
            for (long distance = 1; distance <= skips + 1; distance++)
                for (long n = shortest; n <= longest; n++)
                    // One word has no gaps: it counts once.
                    for (var start = 0; start + (n - 1) * distance < length && (n > 1 || distance == 1); start++)
                        if (pool.TryGetValue(Gram(words, row * length + start, n, distance), out long place))
                            counts[row * width + place]++;
        Weigh(call, counts, places, width);
        long[] shape = x.dim() == 1 ? [width] : [rows, width];
        return tensor(counts, shape, call.Engine.FloatType, call.Engine.Device);
    }

    // The n-grams of one length stand together; ngram_counts says where each length begins.
    private static Dictionary<string, long> Pool(Call call, long[] places, long shortest, long longest)
    {
        long[] items = call.Attributes.Ints("pool_int64s") ?? throw call.Unsupported("n-grams of text");
        long[] starts = call.Attributes.Ints("ngram_counts") ?? throw call.Unsupported("a node without ngram_counts");
        var pool = new Dictionary<string, long>(StringComparer.Ordinal);
        var number = 0;
        for (var n = 1; n <= starts.Length; n++)
            for (long at = starts[n - 1]; at + n <= (n < starts.Length ? starts[n] : items.Length); at += n, number++)
                if (n >= shortest && n <= longest)
                    pool[Gram(items, at, n, 1)] = places[number];
        return pool;
    }

    private static string Gram(long[] words, long start, long n, long distance) =>
        string.Join(' ', Enumerable.Range(0, (int)n).Select(i => words[start + i * distance]));

    // The i-th weight is that of the pool's i-th n-gram.
    private static void Weigh(Call call, float[] counts, long[] places, int width)
    {
        string mode = call.Attributes.String("mode", "TF");
        if (mode == "TF") return;
        var weights = new float[width];
        Array.Fill(weights, 1);
        if (call.Attributes.Floats("weights") is { Length: > 0 } given)
            for (var i = 0; i < places.Length; i++) weights[places[i]] = given[i];
        for (var i = 0; i < counts.Length; i++)
            counts[i] = (mode == "IDF" ? Math.Min(counts[i], 1) : counts[i]) * weights[i % width];
    }
}
