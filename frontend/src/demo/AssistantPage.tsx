import { useState } from 'react';
import { type AISelection, AISelector } from '../components/common/AISelector';
import { Card } from '../components/ui/Card';
import { playgroundTexts } from '../i18n/playground';
import { useTexts } from '../i18n/useTexts';

export default function AssistantPage() {
  const t = useTexts(playgroundTexts);
  const [provider, setProvider] = useState<AISelection | null>('auto');
  return (
    <Card title={t('title')}>
      <AISelector label={t('provider')} value={provider} onChange={setProvider} />
    </Card>
  );
}
