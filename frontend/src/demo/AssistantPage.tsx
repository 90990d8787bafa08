import { useState } from 'react';
import { Assistant } from '@/features/assistant/components/Assistant';
import { assistantTexts } from '@/features/assistant/i18n/assistantTexts';
import { ASSISTANT_MODULE } from '@/features/assistant/utils/taskRequest';
import { type AISelection, AISelector } from '@/features/selector/components/AISelector';
import { useTexts } from '@/i18n/useTexts';

/** Compose the assistant with the provider selector, because features do not import each other. */
export default function AssistantPage() {
  const t = useTexts(assistantTexts);
  const [selection, setSelection] = useState<AISelection | null>('auto');
  const selector = (
    <AISelector label={t('provider')} module={ASSISTANT_MODULE} value={selection} onChange={setSelection} />
  );
  return <Assistant provider={selection === 'auto' ? null : selection} providerSelector={selector} />;
}
