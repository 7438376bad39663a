// The seed's receiver of callbacks. What it says is counted: a line for each job.
import express from 'express';

const app = express();
app.use(express.json());

app.post('/webhooks/ideogram-callback', async (req, res) => {
  const { event, jobId, images, prompt } = req.body;
  res.status(200).json({ received: true });

  switch (event) {
    case 'ideogram.generation.completed':
      console.log(`Generated ${images.length} images for: "${prompt}"`);
      // The seed cuts the pictures here. In this bench nobody does: no presets are asked for.
      break;
    case 'ideogram.generation.failed':
      console.error(`Generation failed for job ${jobId}`);
      break;
  }
});

app.listen(Number(process.env.PORT), '127.0.0.1');
