using System.Runtime.ExceptionServices;

namespace OnnxPriors.Data.Batches;

/// <summary>
/// One pass over planned batches: threads take the examples in order and write each into its place of its batch; the consumer
/// waits for the batches in order. A slot is taken before a batch is begun and given back when the consumer takes it, which
/// bounds the memory.
/// </summary>
internal sealed class BatchRun : IDisposable
{
    private readonly List<Batch> batches;
    private readonly int[] missing;
    private readonly ManualResetEventSlim[] done;
    private readonly (int Example, Exception Error)?[] failures;
    private readonly ExampleWriter writer;
    private readonly int views;
    private readonly ulong seed;
    private readonly SemaphoreSlim slots;
    private readonly CancellationToken cancellation;
    private readonly CancellationTokenSource ending;
    private readonly Thread[] threads;
    private readonly Lock gate = new();
    private int nextBatch;
    private int nextExample;
    private int consumed;

    public BatchRun(List<Batch> batches, int ahead, int threadCount, ExampleWriter writer, int views, ulong seed, CancellationToken cancellation)
    {
        this.batches = batches;
        this.writer = writer;
        this.views = views;
        this.seed = seed;
        this.cancellation = cancellation;
        missing = [.. batches.Select(batch => batch.Count)];
        done = [.. batches.Select(_ => new ManualResetEventSlim())];
        failures = new (int, Exception)?[batches.Count];
        slots = new SemaphoreSlim(ahead);
        ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        threads = new Thread[threadCount];
        for (var i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Work) { IsBackground = true, Name = $"decode {i}" };
            threads[i].Start();
        }
    }

    /// <summary>The batches in order.</summary>
    public IEnumerable<Batch> Consume()
    {
        for (; consumed < batches.Count; consumed++)
        {
            done[consumed].Wait(cancellation);
            if (failures[consumed] is { } failure)
                ExceptionDispatchInfo.Throw(failure.Error);
            slots.Release();
            yield return batches[consumed];
        }
    }

    /// <summary>Stops the threads and takes back what was made and not consumed.</summary>
    public void Dispose()
    {
        ending.Cancel();
        foreach (var thread in threads)
            thread.Join();
        for (var index = consumed; index < batches.Count; index++)
            if (index > consumed || !done[index].IsSet || failures[index] is not null)
                batches[index].Dispose();
        foreach (var signal in done)
            signal.Dispose();
        slots.Dispose();
        ending.Dispose();
    }

    private void Work()
    {
        var desk = new ExampleWriter.Desk();
        while (Take() is { } place)
        {
            var (batch, example) = place;
            try
            {
                var inputs = batches[batch].Inputs.Span;
                var size = inputs.Length / batches[batch].Count;
                var view = example / (batches[batch].Count / views);
                var pixels = writer.MaskLength;
                writer.Write(
                    desk, batches[batch].Examples[example], batches[batch].Epoch, view, seed, inputs.Slice(example * size, size),
                    batches[batch].Labels.AsSpan(example * pixels, pixels));
            }
            catch (Exception failure)
            {
                Fail(batch, example, failure);
            }
            if (Interlocked.Decrement(ref missing[batch]) == 0)
                done[batch].Set();
        }
    }

    /// <summary>Keeps the failure of a batch's first broken example, whichever thread met it.</summary>
    private void Fail(int batch, int example, Exception failure)
    {
        lock (gate)
        {
            if (failures[batch] is not { } earlier || example < earlier.Example)
                failures[batch] = (example, failure);
        }
    }

    /// <summary>The next example to decode, or null at the end. Whoever begins a batch waits for a slot, and the others with it.</summary>
    private (int Batch, int Example)? Take()
    {
        lock (gate)
        {
            if (ending.IsCancellationRequested || nextBatch == batches.Count)
                return null;
            if (nextExample == 0)
            {
                try
                {
                    slots.Wait(ending.Token);
                }
                catch (OperationCanceledException)
                {
                    return null;
                }
                try
                {
                    batches[nextBatch].Start();
                }
                catch (Exception failure)
                {
                    Fail(nextBatch, -1, failure);
                }
            }
            var taken = (nextBatch, nextExample);
            if (++nextExample == batches[nextBatch].Count)
                (nextBatch, nextExample) = (nextBatch + 1, 0);
            return taken;
        }
    }
}
