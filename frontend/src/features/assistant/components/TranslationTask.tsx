import { useState } from 'react';
import { type Formality, type Translations, useTranslation } from '@/api/assistant';
import { Card } from '@/components/ui/Card';
import { Field } from '@/components/ui/Field';
import { Input, TextArea } from '@/components/ui/Input';
import { Select } from '@/components/ui/Select';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import { commonFields } from '../utils/taskRequest';
import styles from './Assistant.module.css';
import { ClipboardButton } from './ClipboardButton';
import { TaskPanel, type TaskProps } from './TaskPanel';

const FORMALITIES = ['default', 'formal', 'informal'] as const satisfies readonly Formality[];
const TEXT_LENGTH_MAX = 20_000;

/** Read a glossary with one `term = translation` per line. */
function parseGlossary(text: string): Record<string, string> {
  const pairs = text.split('\n').flatMap((line) => {
    const [term = '', translation = ''] = line.split('=').map((side) => side.trim());
    return term === '' || translation === '' ? [] : [[term, translation] as const];
  });
  return Object.fromEntries(pairs);
}

/** Task that translates a text into several languages. */
export function TranslationTask({ provider }: TaskProps) {
  const t = useTexts(assistantTexts);
  const task = useTranslation();
  const [text, setText] = useState('');
  const [targets, setTargets] = useState('en');
  const [formality, setFormality] = useState<Formality>('default');
  const [glossary, setGlossary] = useState('');
  const request = () => ({
    ...commonFields(provider),
    text,
    targetLanguages: targets.split(/[\s,;]+/).filter((tag) => tag !== ''),
    formality,
    glossary: parseGlossary(glossary),
  });
  return (
    <TaskPanel
      task={task}
      request={request}
      renderCompletion={(data) => <TranslationCards translations={data} />}
      fields={
        <>
          <Field label={t('translation.text')}>
            <TextArea
              value={text}
              onChange={(event) => setText(event.target.value)}
              rows={6}
              maxLength={TEXT_LENGTH_MAX}
              required
            />
          </Field>
          <div className={styles.fields}>
            <Field label={t('translation.targets')} hint={t('translation.targetsHint')}>
              <Input value={targets} onChange={(event) => setTargets(event.target.value)} required />
            </Field>
            <Field label={t('translation.formality')}>
              <Select
                value={formality}
                onChange={setFormality}
                options={FORMALITIES.map((value) => ({
                  value,
                  label: t(`translation.formalities.${value}`),
                }))}
              />
            </Field>
          </div>
          <Field label={t('translation.glossary')} hint={t('translation.glossaryHint')}>
            <TextArea value={glossary} onChange={(event) => setGlossary(event.target.value)} rows={2} />
          </Field>
        </>
      }
    />
  );
}

function TranslationCards({ translations }: { readonly translations: Translations }) {
  const t = useTexts(assistantTexts);
  return translations.translations.map(({ language, text }) => {
    const title = t('translation.result', { from: translations.sourceLanguage, to: language });
    return (
      <Card
        key={language}
        title={title}
        actions={<ClipboardButton text={text} label={t('copyOf', { title })} />}
      >
        <p className={styles.words} lang={language}>
          {text}
        </p>
      </Card>
    );
  });
}
